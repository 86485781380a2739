import assert from "node:assert/strict";
import { test } from "node:test";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../../contract/grpc/health/v1/health.weir.ts";
import { Call } from "../../../call.ts";
import { isFault } from "../../../fault.ts";
import { createTestTransport } from "../../../testing/transport.ts";
import { createClient } from "../../client.ts";
import { createHealth } from "./health.ts";

const feed = "weir.feed.v1.Feed";
const hasReason = (reason: string) => (error: unknown) => isFault(error) && error.reason === reason;

test("health answers for the server and for each service, and not for others", async () => {
  const health = createHealth([feed]);
  const client = createClient(Health, createTestTransport([health.implementation]));
  assert.deepEqual(await client.check({}), { status: Status.NOT_SERVING });
  health.setAll("SERVING");
  assert.deepEqual(await client.check({}), { status: Status.SERVING });
  health.set(feed, "NOT_SERVING");
  assert.deepEqual(await client.check({ service: feed }), { status: Status.NOT_SERVING });
  assert.deepEqual(await client.check({ service: "" }), { status: Status.SERVING });
  await assert.rejects(client.check({ service: "other" }), (error) => isFault(error) && error.code === "NOT_FOUND");
  const { statuses } = await client.list({});
  assert.deepEqual({ ...statuses }, { "": { status: Status.SERVING }, [feed]: { status: Status.NOT_SERVING } });
});

test("health lists a hundred services at most", async () => {
  const health = createHealth(Array.from({ length: 100 }, (_, index) => `s${index}`));
  const client = createClient(Health, createTestTransport([health.implementation]));
  await assert.rejects(client.list({}), hasReason("SERVICES_TOO_MANY"));
});

test("watch tells each change of its service once, and those that are unknown when they come", async () => {
  const health = createHealth([feed]);
  const client = createClient(Health, createTestTransport([health.implementation]));
  const known = client.watch({ service: feed })[Symbol.asyncIterator]();
  const unknown = client.watch({ service: "late" })[Symbol.asyncIterator]();
  const next = async (stream: typeof known): Promise<number | undefined> => (await stream.next()).value?.status;
  assert.equal(await next(known), Status.NOT_SERVING);
  assert.equal(await next(unknown), Status.SERVICE_UNKNOWN);
  health.set("", "SERVING");
  health.set(feed, "SERVING");
  assert.equal(await next(known), Status.SERVING);
  health.set(feed, "SERVING");
  health.set("late", "SERVING");
  assert.equal(await next(unknown), Status.SERVING);
  health.close();
  assert.equal(await next(known), Status.NOT_SERVING);
  assert.equal(await next(unknown), Status.NOT_SERVING);
  await assert.rejects(next(known), hasReason("APP_NOT_SERVING"));
  await assert.rejects(next(unknown), hasReason("APP_NOT_SERVING"));
  health.setAll("SERVING");
  assert.deepEqual(await client.check({ service: feed }), { status: Status.NOT_SERVING });
});

test("watch skips states that nobody took, and ends with its call", async () => {
  const health = createHealth([]);
  const call = new Call();
  const [method] = health.implementation.methods.filter(({ descriptor }) => descriptor.localName === "watch");
  const answer = await method?.service({ stream: false, message: { service: "" } }, call);
  assert.ok(answer?.stream);
  const states = (answer.messages as AsyncIterable<{ status: number }>)[Symbol.asyncIterator]();
  assert.equal((await states.next()).value?.status, Status.NOT_SERVING);
  const waiting = states.next();
  health.set("", "SERVING");
  assert.equal((await waiting).value?.status, Status.SERVING);
  health.set("", "NOT_SERVING");
  health.set("", "SERVING");
  health.set("", "NOT_SERVING");
  assert.equal((await states.next()).value?.status, Status.NOT_SERVING);
  const last = states.next();
  // Back where it was before anybody looked: nothing to tell.
  health.set("", "SERVING");
  health.set("", "NOT_SERVING");
  await new Promise((resolve) => setImmediate(resolve));
  call.cancel();
  await assert.rejects(last, hasReason("CALL_CANCELLED"));
});
