import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Candidates } from "./candidates.ts";
import { rankByScore, rankWithDiversity } from "./rank.ts";

const genreCount = 6;
const genreOf = Uint8Array.from({ length: 300 }, (_, film) => film % genreCount);
const genres = Array.from({ length: genreCount }, (_, genre) => `genre ${genre}`);
const diverse = rankWithDiversity({ genreOf, genres });

/** Up to 300 films, each once, with any scores. */
const anyCandidates = fc
  .uniqueArray(fc.record({ film: fc.nat(299), score: fc.float({ min: 0, max: 1, noNaN: true }) }), {
    selector: ({ film }) => film,
    maxLength: 300,
  })
  .map((found): Candidates => ({
    films: found.map(({ film }) => film),
    scores: found.map(({ score }) => score),
    why: found.map(({ film }) => 1000 + film),
  }));

test("every rank shows candidates once, with the score and the reason that they had, at most 100", () => {
  fc.assert(
    fc.property(anyCandidates, fc.constantFrom(rankByScore, diverse), (candidates, rank) => {
      const { films, scores, why } = rank(candidates);
      assert.equal(films.length, Math.min(100, candidates.films.length));
      assert.equal(new Set(films).size, films.length);
      for (const [at, film] of films.entries()) {
        assert.equal(scores[at], candidates.scores[candidates.films.indexOf(film)]);
        assert.equal(why[at], 1000 + film);
      }
    }),
  );
});

test("v1 puts the better score first", () => {
  fc.assert(
    fc.property(anyCandidates, (candidates) => {
      const { scores } = rankByScore(candidates);
      // Scores are compared in steps of a millionth.
      for (let at = 1; at < scores.length; at++) assert.ok(scores[at]! <= scores[at - 1]! + 2e-6);
    }),
  );
});

test("v2 shows no genre more than twice in ten films, nor twice in a row, while there are enough of others", () => {
  fc.assert(
    fc.property(anyCandidates, (candidates) => {
      const shown = diverse(candidates).films;
      const left = Array.from({ length: genreCount }, () => 0);
      for (const film of candidates.films) left[genreOf[film]!]!++;
      for (const [at, film] of shown.entries()) {
        // With a film of every genre at hand there is always one whose genre the nine before hold less than twice.
        if (left.some((count) => count === 0)) break;
        const genre = genreOf[film]!;
        const before = Array.from(shown.slice(Math.max(0, at - 9), at), (other) => genreOf[other]!);
        assert.notEqual(before.at(-1), genre, `film ${at}`);
        assert.ok(before.filter((other) => other === genre).length < 2, `film ${at}`);
        left[genre]!--;
      }
    }),
  );
});

test("v2 begins with the best film, and shows films of one genre all the same when there are no others", () => {
  const films = Array.from({ length: 20 }, (_, index) => index * genreCount);
  const scores = films.map((film) => film / 300);
  assert.deepEqual(diverse({ films, scores, why: films }).films, films.toReversed());
});
