import assert from "node:assert/strict";
import { test } from "node:test";
import { catalogueFrom, loadCatalogue } from "./catalogue.ts";
import { slugFrom, titleFrom } from "./film-title.ts";

const catalogue = await loadCatalogue();

test("catalogue holds all 3,201 films, each under an id of its own that a path can carry", () => {
  assert.equal(catalogue.films.length, 3201);
  assert.equal(catalogue.byId.size, 3201);
  for (const { id } of catalogue.films) assert.match(id, /^[a-z0-9]+(-[a-z0-9]+)*-\d{4}$/);
});

test("catalogue gives every film a title, a genre and a year of the age of film", () => {
  for (const film of catalogue.films) {
    assert.ok(film.title !== "" && film.title === film.title.trim(), film.id);
    assert.ok(film.year >= 1911 && film.year <= 2011, `${film.id}: ${film.year}`);
    assert.ok(film.popularity >= 0 && film.popularity <= 1, `${film.id}: ${film.popularity}`);
    assert.ok(catalogue.genres.includes(film.genre), film.genre);
    for (const known of [film.minutes, film.rating, film.votes, film.budget]) assert.ok(known === undefined || known > 0, film.id);
  }
  assert.equal(catalogue.films.filter(({ genre }) => genre === "Unclassified").length, 275);
});

test("catalogue repairs the oddities of its source", () => {
  const titles: [string, string][] = [
    ["1941-1979", "1941"],
    ["untitled-2006", "Untitled"],
    ["leon-1994", "Léon"],
    ["the-naked-gun-21-2-the-smell-of-fear-1991", "The Naked Gun 2½: The Smell of Fear"],
    ["the-charge-of-the-light-brigade-1936", "The Charge of the Light Brigade"],
    ["gone-with-the-wind-1939", "Gone with the Wind"],
    ["the-adventures-of-tintin-secret-of-the-unicorn-2011", "The Adventures of Tintin: Secret of the Unicorn"],
  ];
  for (const [id, title] of titles) assert.equal(catalogue.byId.get(id)?.title, title, id);
});

test("titleFrom and slugFrom make the best of what they are given", () => {
  const found = [null, undefined, "", "  ", 9, "Alien³", "Halloween:  The Curse", "Thing, The"].map(titleFrom);
  assert.deepEqual(found, ["Untitled", "Untitled", "Untitled", "Untitled", "9", "Alien³", "Halloween: The Curse", "The Thing"]);
  assert.deepEqual([slugFrom("???", 1999), slugFrom("Don't", 1973), slugFrom("Déjà Vu", 2006)], ["film-1999", "dont-1973", "deja-vu-2006"]);
});

test("catalogueFrom keeps films apart that share title and year, and takes records of which nothing is known", () => {
  const same = { Title: "Ben-Hur", "Release Date": "Nov 18 1959" };
  const { films } = catalogueFrom([same, {}, same]);
  assert.deepEqual(
    films.map(({ id }) => id),
    ["ben-hur-1959", "untitled-0", "ben-hur-1959-2"],
  );
});

test("byPopularity leads from the most to the least popular film", () => {
  const popularity = Array.from(catalogue.byPopularity, (film) => catalogue.films[film]!.popularity);
  assert.deepEqual(
    popularity,
    popularity.toSorted((one, other) => other - one),
  );
  assert.equal(catalogue.films[catalogue.byPopularity[0]!]!.title, "The Shawshank Redemption");
});
