import assert from "node:assert/strict";
import { test } from "node:test";
import type { CallKey } from "./call.ts";
import { Call, metadataValue } from "./call.ts";
import { fault, isFault } from "./fault.ts";
import { createVirtualClock } from "./testing/virtual-clock.ts";

test("a call without options has no deadline, no peer, no trace and a silent log", () => {
  const call = new Call();
  assert.equal(call.deadlineMs, Infinity);
  assert.equal(call.remainingMs(), Infinity);
  assert.equal(call.signal.aborted, false);
  assert.equal(call.peer.address, "");
  assert.equal(call.trace.traceId, "");
  call.log.with({ a: 1 }).error("nobody hears this");
});

test("a call's signal aborts with DEADLINE_EXCEEDED when the time has passed", async () => {
  const clock = createVirtualClock();
  const call = new Call({ clock, timeoutMs: 100 });
  const { signal } = call;
  await clock.advance(99);
  assert.equal(signal.aborted, false);
  assert.equal(call.remainingMs(), 1);
  await clock.advance(1);
  assert.ok(isFault(signal.reason) && signal.reason.reason === "DEADLINE_EXCEEDED");
  assert.equal(call.ended, signal.reason);
  assert.equal(call.remainingMs(), 0);
});

test("a signal that is asked for after the deadline still aborts", async () => {
  const clock = createVirtualClock();
  const call = new Call({ clock, timeoutMs: 100 });
  await clock.advance(500);
  const { signal } = call;
  await clock.advance(0);
  assert.equal((signal.reason as { reason: string }).reason, "DEADLINE_EXCEEDED");
});

test("a child gets the smaller of its parent's remainder and its own time", async () => {
  const clock = createVirtualClock();
  const parent = new Call({ clock, timeoutMs: 1000 });
  await clock.advance(400);
  assert.equal(parent.child({ timeoutMs: 5000 }).remainingMs(), 600);
  assert.equal(parent.child({ timeoutMs: 50 }).remainingMs(), 50);
  assert.equal(parent.child().remainingMs(), 600);
  assert.equal(new Call({ clock }).child({ timeoutMs: 70 }).remainingMs(), 70);
});

test("a child inherits method, peer, trace, log and clock, but not metadata", () => {
  const clock = createVirtualClock();
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  const parent = new Call({
    method: "/a.B/C",
    clock,
    trace,
    peer: { address: "1.2.3.4:5", identity: "me" },
    metadata: ["authorization", "secret"],
  });
  const child = parent.child();
  assert.equal(child.method, "/a.B/C");
  assert.equal(child.clock, clock);
  assert.equal(child.trace, trace);
  assert.equal(child.peer, parent.peer);
  assert.equal(child.log, parent.log);
  assert.deepEqual(child.metadata, []);
});

test("cancelling a call cancels its children with the same fault; only the first end counts", () => {
  const parent = new Call();
  const child = parent.child();
  const grandchild = child.child();
  const { signal } = grandchild;
  const reason = fault({ reason: "STOP", code: "ABORTED" }, "Stop.");
  parent.cancel(reason);
  parent.cancel();
  assert.equal(signal.reason, reason);
  assert.equal(grandchild.ended, reason);
  assert.equal(parent.child().signal.reason, reason);
});

test("cancelling a child leaves its parent alone", () => {
  const parent = new Call();
  const child = parent.child();
  assert.equal(child.signal.aborted, false);
  child.cancel();
  assert.equal(child.ended?.reason, "CALL_CANCELLED");
  assert.equal(parent.signal.aborted, false);
  assert.equal(parent.ended, undefined);
});

test("a signal asked for after the cancel is aborted from the start", () => {
  const call = new Call();
  call.cancel();
  assert.ok(call.signal.aborted);
  assert.equal(call.signal, call.signal);
});

test("a finished call holds no timer and no listener, and its signal stays quiet", async () => {
  const clock = createVirtualClock();
  const parent = new Call({ clock });
  const child = parent.child({ timeoutMs: 100 });
  const { signal } = child;
  assert.equal(clock.pending, 1);
  child.finish();
  child.finish();
  assert.equal(clock.pending, 0);
  parent.cancel();
  await clock.advance(1000);
  assert.equal(signal.aborted, false);
});

test("a listener hears the end of its call once, with the reason, and none that was taken away does", async () => {
  const clock = createVirtualClock();
  const parent = new Call({ clock });
  const child = parent.child({ timeoutMs: 100 });
  const heard: string[] = [];
  const left = (): void => void heard.push("left");
  for (const name of ["first", "second", "third"]) child.onEnd((reason) => heard.push(`${name} ${reason.reason}`));
  child.onEnd(left);
  child.offEnd(left);
  await clock.advance(100);
  child.cancel();
  assert.deepEqual(heard, ["first DEADLINE_EXCEEDED", "second DEADLINE_EXCEEDED", "third DEADLINE_EXCEEDED"]);
  child.onEnd((reason) => heard.push(`late ${reason.reason}`));
  assert.equal(heard.at(-1), "late DEADLINE_EXCEEDED");
  const alone = parent.child();
  alone.onEnd(left);
  alone.offEnd(left);
  parent.cancel();
  assert.equal(alone.ended?.reason, "CALL_CANCELLED");
  assert.equal(heard.length, 4);
  assert.equal(clock.pending, 0);
});

test("children that have finished leave nothing with their parent", () => {
  const parent = new Call();
  const heard: number[] = [];
  const children = [0, 1, 2].map((index) => {
    const child = parent.child();
    child.onEnd(() => heard.push(index));
    return child;
  });
  children[0]?.finish();
  children[2]?.finish();
  parent.cancel();
  assert.deepEqual(heard, [1]);
});

test("values are found by identity of their key, on the call or on those it came from", () => {
  const user: CallKey<string> = { name: "user" };
  const other: CallKey<string> = { name: "user" };
  const parent = new Call();
  parent.set(user, "ada");
  const child = parent.child();
  assert.equal(child.get(user), "ada");
  assert.equal(child.get(other), undefined);
  child.set(user, "bob");
  assert.equal(child.get(user), "bob");
  assert.equal(parent.get(user), "ada");
});

test("metadataValue finds the first value of a name and never takes a value for a name", () => {
  const metadata = ["a", "b", "b", "1", "b", "2"];
  assert.equal(metadataValue(metadata, "b"), "1");
  assert.equal(metadataValue(metadata, "a"), "b");
  assert.equal(metadataValue(metadata, "c"), undefined);
});

test("a call has no reply trailers until somebody asks for them", () => {
  const call = new Call();
  assert.equal(call.hasReplyTrailers, false);
  assert.equal(call.replyTrailers.length, 0);
  assert.equal(call.hasReplyTrailers, false);
  call.replyTrailers.push("x-took-ms", "3");
  assert.equal(call.hasReplyTrailers, true);
  assert.deepEqual(call.replyTrailers, ["x-took-ms", "3"]);
});

test("an attempt is replied to its parent, and ends alone", () => {
  const call = new Call();
  const [first, second] = [call.child({ attempt: true }), call.child({ attempt: true })];
  first.replyMetadata.push("a", "1");
  assert.equal(call.hasReplyTrailers, false);
  second.replyTrailers.push("b", "2");
  assert.deepEqual([call.replyMetadata, call.replyTrailers, first.hasReplyTrailers], [["a", "1"], ["b", "2"], true]);
  first.cancel();
  assert.deepEqual([call.ended, second.ended], [undefined, undefined]);
  call.cancel();
  void second.signal;
  assert.equal(second.ended?.reason, "CALL_CANCELLED");
  assert.equal(call.child().replyMetadata.length, 0);
});

test("a child ends at its deadline also when its parent has answered and let go", async () => {
  const clock = createVirtualClock();
  const parent = new Call({ clock, timeoutMs: 100 });
  const child = parent.child();
  child.onEnd(() => undefined);
  parent.finish();
  await clock.advance(100);
  assert.equal(child.ended?.code, "DEADLINE_EXCEEDED");
});

test("attempts with their parent's deadline arm no timer of their own, and all hear of its end in order", async () => {
  const clock = createVirtualClock();
  const parent = new Call({ clock, timeoutMs: 100 });
  const heard: number[] = [];
  const children = Array.from({ length: 20 }, () => parent.child({ attempt: true }));
  for (const [at, child] of children.entries()) child.onEnd((reason) => heard.push(reason.code === "DEADLINE_EXCEEDED" ? at : -1));
  const shorter = parent.child({ timeoutMs: 50 });
  shorter.onEnd(() => heard.push(100));
  assert.equal(clock.pending, 2);
  for (const at of [3, 12]) children[at]?.finish();
  parent.onEnd(fixed);
  parent.onEnd(fixed);
  await clock.advance(100);
  assert.deepEqual(heard, [100, ...children.keys().filter((at) => at !== 3 && at !== 12), 200]);
  assert.equal(clock.pending, 0);

  function fixed(): void {
    heard.push(200);
  }
});
