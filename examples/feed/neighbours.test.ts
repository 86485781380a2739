import assert from "node:assert/strict";
import { test } from "node:test";
import { createNeighbours } from "./neighbours.ts";
import { catalogue, neighbours } from "./testdata/test-feed.ts";

test("each film has its neighbours, nearest first, each once and never itself", () => {
  const { count, films, likeness } = neighbours;
  for (let film = 0; film < catalogue.films.length; film++) {
    const near = films.subarray(film * count, (film + 1) * count);
    assert.equal(new Set(near).size, count);
    assert.ok(!near.includes(film));
    for (let at = film * count; at < (film + 1) * count; at++) {
      assert.ok(likeness[at]! > 0 && likeness[at]! <= 1);
      assert.ok(at === film * count || likeness[at]! <= likeness[at - 1]!);
    }
  }
});

test("neighbours are those that people would name", () => {
  const near = (id: string): string[] => {
    const { index } = catalogue.byId.get(id)!;
    return Array.from(
      neighbours.films.subarray(index * neighbours.count, index * neighbours.count + 5),
      (film) => catalogue.films[film]!.id,
    );
  };
  assert.equal(near("toy-story-1995")[0], "toy-story-2-1999");
  assert.equal(near("the-godfather-1972")[0], "the-godfather-part-ii-1974");
  assert.ok(near("the-lord-of-the-rings-the-fellowship-of-the-ring-2001").includes("the-lord-of-the-rings-the-two-towers-2002"));
  assert.ok(near("annie-hall-1977").every((id) => catalogue.byId.get(id)!.director === "Woody Allen"));
});

test("neighbours are found while others have their turn, and not when nobody waits any more", async () => {
  const stop = new AbortController();
  const told: number[] = [];
  const progress = (done: number): void => {
    told.push(done);
    stop.abort(new Error("asked to stop"));
  };
  await assert.rejects(createNeighbours(catalogue, { signal: stop.signal, progress }), /asked to stop/);
  assert.equal(told.length, 1);
});
