import assert from "node:assert/strict";
import { test } from "node:test";
import { grpcTimeoutFromMs, timeoutMsFromGrpc } from "./grpc-timeout.ts";

test("every unit is read", () => {
  const read = ["1H", "2M", "3S", "4m", "5000u", "6000000n", "0S", "99999999m"].map((text) => timeoutMsFromGrpc(text));
  assert.deepEqual(read, [3_600_000, 120_000, 3000, 4, 5, 6, 0, 99_999_999]);
});

test("what is no timeout is refused", () => {
  for (const text of ["", "S", "1", "1s", "1h", "-1S", "1.5S", " 1S", "1S ", "100000000m", "1 S", "0x1S", "1mm"]) {
    assert.throws(() => timeoutMsFromGrpc(text), { reason: "TIMEOUT_INVALID" }, text);
  }
});

test("a duration is written in the finest unit that fits, rounded up, and never read back as less", () => {
  const written = [0, -3, 0.2, 1, 1.2, 99_999_999, 100_000_000, 1e12, 1e16].map((ms) => grpcTimeoutFromMs(ms));
  assert.deepEqual(written, ["0m", "0m", "200u", "1m", "2m", "99999999m", "100000S", "16666667M", "99999999H"]);
  for (let ms = 0.0007; ms < 1e14; ms *= 3.7) assert.ok(timeoutMsFromGrpc(grpcTimeoutFromMs(ms)) >= ms, String(ms));
});
