import assert from "node:assert/strict";
import { test } from "node:test";
import { viewFromLine } from "./log-view.ts";

const view = { width: 9, colours: false };

test("viewFromLine shows message and fields behind the name, without what the name says already", () => {
  const line = '{"time":"2026-01-01T00:00:00Z","level":"info","message":"serving","app":"feed","version":"v1","address":"127.0.0.1:1"}';
  assert.equal(viewFromLine("feed-v1-1", line, view), "feed-v1-1 │ serving address=127.0.0.1:1");
});

test("viewFromLine marks trouble by word, and by colour only on a terminal", () => {
  const line = '{"level":"warn","message":"slow","error":{"reason":"X"}}';
  assert.equal(viewFromLine("gateway", line, view), 'gateway   │ warn: slow error={"reason":"X"}');
  assert.ok(viewFromLine("gateway", line, { ...view, colours: true })?.includes("\u001b[33mwarn: slow"));
});

test("viewFromLine leaves out the access log", () => {
  assert.equal(viewFromLine("gateway", '{"level":"info","message":"request","status":200}', view), undefined);
});

test("viewFromLine shows what is no structured line as it is, cut at 400 characters", () => {
  assert.equal(viewFromLine("a", "Error: boom", view), "a         │ Error: boom");
  assert.equal(viewFromLine("a", "{broken", view), "a         │ {broken");
  assert.equal(viewFromLine("a", "x".repeat(1000), view)?.length, 12 + 400 + 1);
});
