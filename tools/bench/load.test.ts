import assert from "node:assert/strict";
import { test } from "node:test";
import { resultFromWrk } from "./load.ts";

const fine = `Running 4s test @ http://127.0.0.1:8080/
  1 threads and 64 connections
  Latency Distribution
     50%    1.20ms
     99%    5.25ms
  160000 requests in 4.00s, 30.00MB read
Requests/sec:  40000.00
`;

test("wrk's summary is read", () => {
  assert.deepEqual(resultFromWrk(fine), { requests: 160_000, durationMs: 4000, failures: 0, latencyMsP99: 5.25 });
});

test("wrk's broken connections and answers other than 200 are failures", () => {
  const broken = `${fine}  Socket errors: connect 1, read 2, write 3, timeout 4\n  Non-2xx or 3xx responses: 90\n`;
  assert.equal(resultFromWrk(broken).failures, 100);
});

test("output that is not wrk's summary is refused", () => {
  assert.throws(() => resultFromWrk("unable to connect"), /expected wrk's summary, found:\nunable to connect/);
});
