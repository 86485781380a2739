// Whoever sends bytes one by one, or much of one kind, may cost what its bytes cost: their number, never its square.
import assert from "node:assert/strict";
import process from "node:process";
import { test } from "node:test";
import { bytesOf, conversation } from "../testing/conversation.ts";
import { clientSettingsFrom } from "../client-options.ts";
import { ClientCall } from "../client-call.ts";
import { MemoryOutput } from "../testing/memory-output.ts";
import { ClientConnection } from "./client-connection.ts";

const small = 4096;
const large = 65_536;
const rounds = 5;

/** Processor time of `work`, in microseconds; the least of some rounds. */
function cost(work: () => void): number {
  let least = Infinity;
  for (let round = 0; round < rounds; round += 1) {
    const before = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(before);
    least = Math.min(least, user + system);
  }
  return least;
}

function assertLinear(work: (length: number) => void): void {
  work(small);
  const [little, much] = [cost(() => work(small)), cost(() => work(large))];
  assert.ok(much < little * (large / small) * 4, `${small} bytes took ${little} µs, ${large} bytes ${much} µs`);
}

const limits = { headBytesMax: 100_000, headerCountMax: 100_000, trailerBytesMax: 100_000 };

/** Feeds a server's connection, byte by byte or whole. */
function serve(bytes: Uint8Array, piece: number): void {
  const { connection } = conversation(() => new Promise(() => undefined), { limits });
  for (let at = 0; at < bytes.length; at += piece)
    connection.receive(bytes.subarray(at, at + piece), Math.min(piece, bytes.length - at), true);
  connection.closed();
}

const heads: Record<string, (length: number) => string> = {
  "one long line": (length) => `GET / HTTP/1.1\r\nHost: a\r\nx: ${"v".repeat(length)}`,
  "many short lines": (length) => `GET / HTTP/1.1\r\nHost: a\r\n${"a:\r\n".repeat(length / 4)}`,
  "a long target": (length) => `GET /${"v".repeat(length)}`,
};
for (const [name, make] of Object.entries(heads)) {
  test(`a head of ${name} that comes byte by byte costs by its length`, () => {
    assertLinear((length) => serve(bytesOf(make(length)), 1));
  });
}

test("an answer's head that comes byte by byte costs by its length", () => {
  const settings = clientSettingsFrom({ host: "a", port: 80, limits });
  assertLinear((length) => {
    const connection = new ClientConnection(settings, { free: () => undefined, gone: () => undefined }, new MemoryOutput());
    connection.opened();
    const ends = { deadlineMs: Infinity, resolve: () => undefined, reject: () => undefined };
    connection.send(new ClientCall({ method: "GET", target: "/", headers: [] }, {}, ends));
    const bytes = bytesOf(`HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(length / 6)}`);
    for (let at = 0; at < bytes.length; at += 1) connection.receive(bytes.subarray(at, at + 1), 1, true);
    connection.closed();
  });
});

test("trailers cost by their length, whole or byte by byte", () => {
  const chunked = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n";
  for (const piece of [1, large * 2]) {
    assertLinear((length) => serve(bytesOf(`${chunked}${"a: b\r\n".repeat(length / 6)}x: ${"v".repeat(length)}`), piece));
  }
});

const blanks: Record<string, (length: number) => string> = {
  Connection: (length) => `Connection: a${" ".repeat(length)}b\r\n\r\n`,
  Upgrade: (length) => `Connection: upgrade\r\nUpgrade: a${"\t".repeat(length)}b\r\n\r\n`,
  "a trailer": (length) => `Transfer-Encoding: chunked\r\n\r\n0\r\nx: a${" ".repeat(length)}b\r\n\r\n`,
};
for (const [name, make] of Object.entries(blanks)) {
  test(`blanks within the value of ${name} cost by their number`, () => {
    assertLinear((length) => serve(bytesOf(`POST / HTTP/1.1\r\nHost: a\r\n${make(length)}`), large * 2));
  });
}
