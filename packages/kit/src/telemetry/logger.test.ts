import assert from "node:assert/strict";
import { test } from "node:test";
import type { LogFields, Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import { coreReasons, fault } from "../fault.ts";
import type { LogLevel } from "./logger.ts";
import { createLogger } from "./logger.ts";

const clock: Clock = { ...systemClock, nowMs: () => Date.UTC(2026, 1, 3, 4, 5, 6, 7) };

function recorded(level: LogLevel = "debug", fields: LogFields = {}): { log: Logger; lines: () => Record<string, unknown>[] } {
  const written: string[] = [];
  const log = createLogger({ write: (line) => written.push(line), level, fields, clock });
  return { log, lines: () => written.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("logger writes one JSON object with time, level, message and fields", () => {
  const { log, lines } = recorded("debug", { service: "feed" });
  log.with({ requestId: "r1" }).info("a page was served\nwith a second line", { count: 20, fast: true, none: undefined, big: 2n ** 60n });
  assert.deepEqual(lines(), [
    {
      time: "2026-02-03T04:05:06.007Z",
      level: "info",
      message: "a page was served\nwith a second line",
      service: "feed",
      requestId: "r1",
      count: 20,
      fast: true,
      big: "1152921504606846976",
    },
  ]);
});

test("logger leaves out lines below its level", () => {
  const { log, lines } = recorded("warn");
  log.debug("a");
  log.info("b");
  log.warn("c");
  log.error("d");
  assert.deepEqual(
    lines().map((line) => line["level"]),
    ["warn", "error"],
  );
  const silent = recorded("silent");
  silent.log.error("e");
  assert.deepEqual(silent.lines(), []);
});

test("logger masks secrets by name at any depth and in texts", () => {
  const { log, lines } = recorded();
  log.info("dialling postgres://weir:hunter2@db/main", {
    token: "t-1",
    request: { Authorization: "Bearer abc", accessToken: "t-2", nested: { set_cookie: ["a=b"], apiKey: "k" } },
    headers: ["authorization", "Bearer xyz", "accept", "*/*", "cookie", "a=b"],
    note: 'sent "authorization: Bearer s3cr3t.s3cr3t" upstream',
    entries: new Map([["clientSecret", "s-1"]]),
  });
  const text = JSON.stringify(lines());
  for (const secret of ["hunter2", "t-1", "abc", "t-2", "a=b", "xyz", "s3cr3t", "s-1", '"k"']) {
    assert.ok(!text.includes(secret), `found ${secret} in ${text}`);
  }
  assert.ok(text.includes("postgres://[masked]@db/main") && text.includes("*/*"));
});

test("logger writes a Fault with code, reason and every cause, and cuts an endless chain", () => {
  const { log, lines } = recorded();
  const root = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
  const loop = new Error("loop");
  loop.cause = loop;
  log.error("failed", {
    error: fault(coreReasons.UNEXPECTED, "Something failed.", { cause: new TypeError("middle", { cause: root }), retryAfterMs: 5 }),
    loop,
  });
  const [line] = lines() as [{ error: Record<string, unknown>; loop: { causes: unknown[] } }];
  const causes = line.error["causes"] as Record<string, unknown>[];
  assert.equal(line.error["code"], "INTERNAL");
  assert.equal(line.error["reason"], "UNEXPECTED");
  assert.equal(line.error["retryAfterMs"], 5);
  assert.match(String(line.error["stack"]), /logger\.test/);
  assert.deepEqual(
    causes.map((cause) => [cause["name"], cause["code"], cause["message"]]),
    [
      ["TypeError", undefined, "middle"],
      ["Error", "ECONNREFUSED", "connect ECONNREFUSED"],
    ],
  );
  assert.equal(line.loop.causes.length, 6);
});

test("logger bounds what is deep, wide, long or in a circle, and survives what cannot be read", () => {
  const { log, lines } = recorded();
  const circle: Record<string, unknown> = {};
  circle["self"] = circle;
  const hostile = {
    get value(): string {
      throw new Error("no");
    },
  };
  log.info("x".repeat(100_000), {
    circle,
    wide: Array.from({ length: 1000 }, () => 1),
    hostile,
    bytes: new Uint8Array(9),
    not: Number.NaN,
  });
  const [line] = lines() as [Record<string, unknown>];
  assert.ok(JSON.stringify(line).length < 10_000);
  assert.equal((line["wide"] as unknown[]).length, 101);
  assert.equal(line["hostile"], "[unreadable]");
  assert.equal(line["bytes"], "[9 bytes]");
  assert.equal(line["not"], "NaN");
});

test("logger keeps its own names, and a writer that throws fails nobody", () => {
  const { log, lines } = recorded();
  log.info("m", { level: "high", time: 5 });
  assert.deepEqual(lines()[0], { time: "2026-02-03T04:05:06.007Z", level: "info", message: "m", "field.level": "high", "field.time": 5 });
  createLogger({
    write() {
      throw new Error("disk full");
    },
  }).error("lost");
});
