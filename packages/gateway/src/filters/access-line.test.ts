import assert from "node:assert/strict";
import { test } from "node:test";
import { passageFrom, type Passage } from "../passage.ts";
import { jsonText } from "../http/json-text.ts";
import { accessLine, clientTextFrom, lineEndFrom } from "./access-line.ts";

const nowMs = Date.UTC(2026, 10, 20, 9, 8, 7, 5);
const endText = lineEndFrom(7n);

function passageOf(target: string, authority: string): Passage {
  const passage = passageFrom(
    { method: "GET", target, authority, headers: [], body: undefined },
    { startedMs: 0, http2: false, domain: "" },
  );
  const clientText = clientTextFrom("::1", authority);
  return { ...passage, requestId: "r1", traceId: "ab", clientText, status: 200, endedMs: 1.23456 };
}

function lineFor(target: string, authority: string): Record<string, unknown> {
  const line = accessLine(passageOf(target, authority), nowMs, endText);
  assert.ok(!line.includes("\n"), line);
  assert.match(line, /^[\x20-\x7e\u00a0-\u2027\u202a-\uffff]*$/);
  return JSON.parse(line) as Record<string, unknown>;
}

test("access line tells time, request, answer and cost, without the query", () => {
  assert.deepEqual(lineFor("/v1/feed?token=secret", "a.test"), {
    time: "2026-11-20T09:08:07.005Z",
    level: "info",
    message: "request",
    requestId: "r1",
    traceId: "ab",
    client: "::1",
    method: "GET",
    host: "a.test",
    path: "/v1/feed",
    status: 200,
    durationMs: 1.235,
    bytesOut: 0,
    revision: 7,
  });
});

test("access line cannot be forged by what a client sends", () => {
  const forged = '/a","status":500,"x":"\n{"level":"error"}\r\u001b[2J\u009b\u2028\u2029\u007f\\';
  assert.equal(lineFor(forged, 'h"\n')["path"], forged);
  assert.equal(lineFor(forged, 'h"\n')["host"], 'h"\n');
  assert.equal(lineFor(forged, "h")["status"], 200);
  assert.equal(lineFor("/\ud800", "h")["path"], "/\ufffd");
});

test("access line is bounded whatever a client sends", () => {
  assert.ok((lineFor(`/${"x".repeat(100_000)}`, "y".repeat(5000))["path"] as string).length === 1024);
  assert.equal(jsonText("é你"), '"é你"');
});

test("access line keeps up with the seconds", () => {
  const passage = passageOf("/", "a");
  for (const atMs of [0, 999, 1000, 59_999, 60_000, 1.8e12 + 12, 999]) {
    const { time } = JSON.parse(accessLine(passage, atMs, endText)) as { time: string };
    assert.equal(time, new Date(atMs).toISOString());
  }
});
