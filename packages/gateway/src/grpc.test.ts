import assert from "node:assert/strict";
import { createServer as createNetServer, type AddressInfo } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { faultFromTrailers } from "@weir/kit/rpc/grpc-status";
import { createClient, type BodyStream } from "@weir/wire";
import { connectGrpc, outcomeOf, startGrpcServer, type UnaryOutcome } from "./fixtures/grpc.ts";
import { snapshotOf, startBackend, startHouse, type House } from "./fixtures/house.ts";
import { until, untilStill } from "./fixtures/until.ts";
import { createGateway } from "./gateway.ts";

/** The reason in the details of a failure, as the gateway gives it. */
function reasonOf({ trailers, code }: UnaryOutcome): string {
  const details = trailers?.get("grpc-status-details-bin")[0];
  const text = Buffer.isBuffer(details) ? details.toString("base64") : "";
  return faultFromTrailers(["grpc-status", String(code), "grpc-status-details-bin", text])?.reason ?? "";
}

function lineOf(house: House, index = -1): Record<string, unknown> {
  return JSON.parse(house.lines.at(index) ?? "{}") as Record<string, unknown>;
}

async function metricsOf(house: House): Promise<string> {
  return (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
}

test("gateway carries a unary call with its metadata, trailers and failure", async () => {
  const server = await startGrpcServer("a", "v1", {
    unary(call, answer) {
      const trailers = new grpc.Metadata();
      trailers.set("x-trailer", "last");
      const text = call.request.toString();
      call.sendMetadata(call.metadata.get("x-user")[0] === "ada" ? trailers : new grpc.Metadata());
      if (text === "bad") answer({ code: grpc.status.NOT_FOUND, details: "no such thing: 100 % gone", metadata: trailers });
      else answer(null, Buffer.from(text.toUpperCase()), trailers);
    },
  });
  const house = await startHouse(snapshotOf([server]), []);
  const client = connectGrpc(house.gateway.url);
  const good = await client.unary("hello", { metadata: { "x-user": "ada" } });
  assert.deepEqual([good.text, good.code], ["HELLO", 0]);
  assert.deepEqual(
    [good.headers?.get("x-weir-version"), good.headers?.get("x-trailer"), good.trailers?.get("x-trailer")],
    [["v1"], ["last"], ["last"]],
  );
  const bad = await client.unary("bad");
  assert.deepEqual([bad.code, bad.details, bad.trailers?.get("x-trailer")], [grpc.status.NOT_FOUND, "no such thing: 100 % gone", ["last"]]);
  await until(() => house.lines.length === 2, "two lines");
  assert.deepEqual([lineOf(house, 0)["code"], lineOf(house, 0)["path"]], ["OK", "/test.v1.Echo/Unary"]);
  assert.deepEqual([lineOf(house, 1)["code"], lineOf(house, 1)["status"], lineOf(house, 1)["cause"]], ["NOT_FOUND", 200, undefined]);
  const metrics = await metricsOf(house);
  assert.match(metrics, /weir_gateway_requests_total\{route="feed",version="v1",status="NOT_FOUND"\} 1/);
  assert.doesNotMatch(metrics, /weir_gateway_endpoint_errors_total\{/, "the request's own fault is nobody's error");
  client.close();
  await house.stop();
  server.stop();
});

test("gateway refuses calls as gRPC does: trailers alone, with code, message and reason", async () => {
  const snapshot = snapshotOf([{ id: "gone", version: "v1", port: 1 }]);
  const narrow = { ...snapshot, routes: snapshot.routes.map((route) => ({ ...route, pathPrefix: "/test.v1.Echo" })) };
  const house = await startHouse(narrow, []);
  const client = connectGrpc(house.gateway.url);
  const unknown = await client.unary("x", { method: "/test.v1.Other/Unary" });
  assert.deepEqual([unknown.code, reasonOf(unknown)], [grpc.status.UNIMPLEMENTED, "NO_ROUTE"]);
  assert.match(unknown.details, /^Expected a route for .*\/test\.v1\.Other\/Unary, found none\.$/);
  const unreachable = await client.unary("x");
  assert.deepEqual([unreachable.code, reasonOf(unreachable)], [grpc.status.UNAVAILABLE, "CONNECT_FAILED"]);
  await house.gateway.apply({ ...narrow, revision: 2n, clusters: narrow.clusters.map((cluster) => ({ ...cluster, endpoints: [] })) });
  const nobody = await client.unary("x");
  assert.deepEqual([nobody.code, reasonOf(nobody)], [grpc.status.UNAVAILABLE, "NO_HEALTHY_ENDPOINT"]);
  const hurried = await client.unary("x", { metadata: { via: Array<string>(3).fill("1.1 gateway").join(", ") } });
  assert.deepEqual([hurried.code, reasonOf(hurried)], [grpc.status.FAILED_PRECONDITION, "LOOP_DETECTED"]);
  await until(() => house.lines.length === 4, "four lines");
  assert.deepEqual([lineOf(house, 0)["code"], lineOf(house, 0)["cause"]], ["UNIMPLEMENTED", "NO_ROUTE"]);
  client.close();
  await house.stop();
  const empty = await createGateway({ port: 0 });
  const early = connectGrpc(empty.url);
  const outcome = await early.unary("x");
  assert.deepEqual([outcome.code, reasonOf(outcome)], [grpc.status.UNAVAILABLE, "NO_SNAPSHOT"]);
  early.close();
  await empty.stop();
});

test("gateway turns what is not gRPC into a failure of gRPC", async () => {
  const answers = new Map([
    ["404", grpc.status.UNIMPLEMENTED],
    ["503", grpc.status.UNAVAILABLE],
    ["401", grpc.status.UNAUTHENTICATED],
    ["200", grpc.status.UNKNOWN],
  ]);
  const backend = await startBackend("a", "v1", async (request) => {
    const status = request.headers[request.headers.indexOf("x-status") + 1] ?? "200";
    return { status: Number(status), headers: ["content-type", "text/html"], body: Buffer.from("<h1>Welcome</h1>") };
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const client = connectGrpc(house.gateway.url);
  for (const [status, code] of answers) {
    const outcome = await client.unary("x", { metadata: { "x-status": status } });
    assert.deepEqual([outcome.code, reasonOf(outcome)], [code, "UPSTREAM_NOT_GRPC"], status);
    assert.match(outcome.details, new RegExp(`found HTTP status ${status} with text/html\\.$`));
  }
  client.close();
  await house.stop();
});

test("gateway bounds a call by its caller's time, and passes on what is left", async () => {
  const seen: number[] = [];
  const server = await startGrpcServer("a", "v1", {
    unary(call) {
      seen.push(Number(call.getDeadline()) - Date.now());
    },
  });
  const house = await startHouse(snapshotOf([server]), []);
  const client = connectGrpc(house.gateway.url);
  const outcomes = await Promise.all(Array.from({ length: 5 }, () => client.unary("x", { timeoutMs: 300 })));
  for (const { code } of outcomes) assert.equal(code, grpc.status.DEADLINE_EXCEEDED);
  assert.ok(
    seen.every((leftMs) => leftMs > 0 && leftMs <= 301),
    seen.join(),
  );
  await until(() => house.lines.length === 5, "the calls to be over");
  assert.match(await metricsOf(house), /weir_gateway_endpoint_errors_total\{[^}]*cause="TIMEOUT"\} [1-5]/);
  assert.ok(!house.log.includes("endpoint ejected"), "whoever hardly waits ejects nobody");
  const silent = await startBackend("b", "v1", () => new Promise(() => undefined));
  await house.gateway.apply(snapshotOf([silent], { revision: 2, timeoutMs: 200 }));
  const bounded = await client.unary("x");
  assert.deepEqual([bounded.code, reasonOf(bounded)], [grpc.status.DEADLINE_EXCEEDED, "UPSTREAM_TIMEOUT"]);
  assert.equal(bounded.details, "Expected an answer from feed@v1 within 200 ms, found none.");
  client.close();
  await house.stop();
  await silent.server.close();
  server.stop();
});

test("gateway refuses a time that is none", async () => {
  const server = await startGrpcServer("a", "v1", {});
  const house = await startHouse(snapshotOf([server]), []);
  for (const time of ["1", "x", "123456789S", "-1S", "5w"]) {
    const answer = await fetch(house.gateway.url, {
      method: "POST",
      headers: { "content-type": "application/grpc", "grpc-timeout": time },
    });
    assert.deepEqual([answer.status, answer.headers.get("grpc-status")], [200, "3"], time);
    await answer.body?.cancel();
  }
  await house.stop();
  server.stop();
});

test("gateway carries a bidirectional stream at full duplex, half-closed last", async () => {
  const server = await startGrpcServer("a", "v1", {
    bidi(call) {
      call.on("data", (message: Buffer) => void call.write(Buffer.from(`echo ${message.toString()}`)));
      call.on("end", () => {
        call.write(Buffer.from("bye"));
        call.end();
      });
    },
  });
  const house = await startHouse(snapshotOf([server]), []);
  const client = connectGrpc(house.gateway.url);
  const stream = client.bidi();
  const outcome = outcomeOf(stream);
  let echoes = 0;
  stream.on("data", () => void echoes++);
  for (let index = 0; index < 20; index++) {
    stream.write(Buffer.from(`m${index}`));
    await until(() => echoes === index + 1, "each message to come back before the next is sent");
    // The stream outlives Snapshots that do not concern it, and one in which its endpoint is no more.
    if (index === 5) await house.gateway.apply(snapshotOf([server], { revision: 2 }));
    if (index === 10) await house.gateway.apply(snapshotOf([], { revision: 3 }));
  }
  stream.end();
  const { texts, code } = await outcome;
  assert.deepEqual([texts.length, texts.at(-2), texts.at(-1), code], [21, "echo m19", "bye", 0]);
  client.close();
  await house.stop();
  server.stop();
});

test("gateway passes cancellation on, and a server's failure in mid-stream", async () => {
  let cancelled = 0;
  const server = await startGrpcServer("a", "v1", {
    serverStream(call) {
      call.on("cancelled", () => void cancelled++);
      call.write(Buffer.from("first"));
      if (call.request.toString() === "fail") call.emit("error", { code: grpc.status.DATA_LOSS, details: "half of it" });
    },
  });
  const house = await startHouse(snapshotOf([server]), []);
  const client = connectGrpc(house.gateway.url);
  const stream = client.serverStream("wait");
  await once(stream, "data");
  const left = outcomeOf(stream);
  stream.cancel();
  assert.equal((await left).code, grpc.status.CANCELLED);
  await until(() => cancelled === 1, "the server to be told");
  await until(() => house.lines.length === 1, "the call to be over");
  assert.equal(lineOf(house)["cause"], "CLIENT_GONE");
  const failed = await outcomeOf(client.serverStream("fail"));
  assert.deepEqual(failed, { texts: ["first"], code: grpc.status.DATA_LOSS, details: "half of it" });
  await until(() => house.lines.length === 2, "the call to be over");
  assert.equal(lineOf(house)["code"], "DATA_LOSS");
  assert.match(await metricsOf(house), /weir_gateway_endpoint_errors_total\{[^}]*cause="ANSWERED_DATA_LOSS"\} 1/);
  client.close();
  await house.stop();
  server.stop();
});

test("gateway says in trailers that an endpoint broke off", async () => {
  const server = await startGrpcServer("a", "v1", {
    serverStream(call) {
      call.write(Buffer.from("first"));
    },
  });
  const house = await startHouse(snapshotOf([server]), []);
  const client = connectGrpc(house.gateway.url);
  const stream = client.serverStream("x");
  const outcome = outcomeOf(stream);
  await once(stream, "data");
  server.stop();
  const { code, details } = await outcome;
  // grpc-js resets its streams with CANCEL when it is shut down by force; a connection that is lost is UNAVAILABLE.
  assert.ok(code === grpc.status.CANCELLED || code === grpc.status.UNAVAILABLE, `${code}`);
  assert.match(details, /feed@v1/);
  await until(() => house.lines.length === 1, "the call to be over");
  assert.deepEqual([lineOf(house)["broken"], lineOf(house)["cause"]], [true, "RESET"]);
  client.close();
  await house.stop();
});

test("gateway with a client of gRPC that does not read holds back the server", async () => {
  let sent = 0;
  const piece = Buffer.alloc(65_541, 0);
  piece.writeUInt32BE(65_536, 1);
  const backend = await startBackend("a", "v1", () => {
    const body: BodyStream = {
      async *[Symbol.asyncIterator]() {
        for (let index = 0; index < 4000; index++) {
          sent += piece.length;
          yield piece;
        }
      },
      trailers: () => ["grpc-status", "0"],
    };
    return Promise.resolve({ status: 200, headers: ["content-type", "application/grpc"], body });
  });
  const house = await startHouse(snapshotOf([backend]), [backend]);
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: true });
  const request = { method: "POST", target: "/test.v1.Echo/ServerStream", headers: ["content-type", "application/grpc"] };
  const answer = await client.request(request, { bodyIdleMs: Infinity });
  const before = await untilStill(() => sent, "the server to be held back");
  assert.ok(before < 8 * 1024 * 1024, `${before} of 262164000 bytes went into buffers`);
  const stream = answer.body as BodyStream;
  let read = 0;
  for await (const chunk of stream) {
    read += chunk.length;
    if (read > before + 1_000_000) break;
  }
  await until(() => house.lines.length === 1, "the call to be over when the client has left");
  assert.equal(lineOf(house)["cause"], "CLIENT_GONE");
  await client.close();
  await house.stop();
});

test("gateway keeps calls away from an endpoint that answers UNAVAILABLE", async () => {
  const bad = await startGrpcServer("bad", "v1", {
    unary: (_call, answer) => answer({ code: grpc.status.UNAVAILABLE, details: "not now" }),
  });
  const good = await startGrpcServer("good", "v1", { unary: (_call, answer) => answer(null, Buffer.from("good")) });
  const house = await startHouse(snapshotOf([bad, good]), []);
  const client = connectGrpc(house.gateway.url);
  const codes: number[] = [];
  for (let turn = 0; turn < 20; turn++) codes.push((await client.unary("x")).code);
  const refused = codes.filter((code) => code === grpc.status.UNAVAILABLE).length;
  assert.equal(refused, 3, "three in a row eject it; until then nothing is repeated that the route does not allow");
  assert.ok(house.log.includes("endpoint ejected"));
  assert.match(await metricsOf(house), /endpoint="bad",cause="ANSWERED_UNAVAILABLE"\} 3/);
  client.close();
  await house.stop();
  bad.stop();
  good.stop();
});

test("gateway repeats a call only where its route says that it may be", async () => {
  let asked = 0;
  const bad = await startGrpcServer("bad", "v1", {
    unary(_call, answer) {
      asked++;
      answer({ code: grpc.status.UNAVAILABLE, details: "not now" });
    },
  });
  const good = await startGrpcServer("good", "v1", { unary: (_call, answer) => answer(null, Buffer.from("good")) });
  const house = await startHouse(snapshotOf([bad, good], { idempotent: true }), []);
  const client = connectGrpc(house.gateway.url);
  for (let turn = 0; turn < 10; turn++) assert.equal((await client.unary("x")).text, "good");
  assert.ok(asked > 0);
  assert.match(await metricsOf(house), /cause="RETRY_USED"\} [1-9]/);
  client.close();
  await house.stop();
  bad.stop();
  good.stop();
});

test("gateway lets the stable version answer a call that the new one failed", async () => {
  const bad = await startGrpcServer("new", "v2", { unary: (_call, answer) => answer({ code: grpc.status.INTERNAL, details: "broken" }) });
  const good = await startGrpcServer("old", "v1", { unary: (_call, answer) => answer(null, Buffer.from("stable")) });
  for (const idempotent of [true, false]) {
    const house = await startHouse(snapshotOf([bad, good], { newWeight: 10_000, idempotent }), []);
    const client = connectGrpc(house.gateway.url);
    const { text, code, headers } = await client.unary("x");
    if (idempotent) assert.deepEqual([text, code, headers?.get("x-weir-version")], ["stable", 0, ["v1"]]);
    else assert.deepEqual([text, code], ["", grpc.status.INTERNAL]);
    await until(() => house.lines.length === 1, "a line");
    assert.deepEqual([lineOf(house)["fallback"], lineOf(house)["code"]], idempotent ? [true, "OK"] : [undefined, "INTERNAL"]);
    client.close();
    await house.stop();
  }
  bad.stop();
  good.stop();
});

test("gateway that stops lets calls end, and says to clients that it goes", async () => {
  const held = Promise.withResolvers<void>();
  const server = await startGrpcServer("a", "v1", {
    unary(_call, answer) {
      void held.promise.then(() => answer(null, Buffer.from("late")));
    },
  });
  const house = await startHouse(snapshotOf([server]), []);
  const client = connectGrpc(house.gateway.url);
  const late = client.unary("x");
  await until(async () => /^weir_gateway_in_flight 1$/m.test(await metricsOf(house)), "the call to be under way");
  const stopped = house.gateway.stop();
  held.resolve();
  assert.deepEqual([(await late).text, (await late).code], ["late", 0]);
  client.close();
  await stopped;
  server.stop();
});

test("gateway tells a connection that is lost before an answer from a deadline", async () => {
  const dropping = createNetServer((socket) => {
    socket.on("error", () => undefined);
    // As HTTP/2 begins, and then nothing more.
    socket.write(Buffer.from("000000040000000000", "hex"));
    let seen = 0;
    socket.on("data", (chunk) => {
      seen += chunk.length;
      if (seen > 150) socket.destroy();
    });
  });
  dropping.listen(0, "127.0.0.1");
  await once(dropping, "listening");
  const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port: (dropping.address() as AddressInfo).port }]), []);
  const client = connectGrpc(house.gateway.url);
  const outcome = await client.unary("x".repeat(500));
  assert.deepEqual([outcome.code, reasonOf(outcome)], [grpc.status.UNAVAILABLE, "UPSTREAM_RESET"]);
  client.close();
  await house.stop();
  dropping.close();
});
