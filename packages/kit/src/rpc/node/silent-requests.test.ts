// A client that says nothing more does not keep a handler waiting for its requests beyond the end of the call.
import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import WebSocket from "ws";
import type { Implementation } from "../implement.ts";
import { implement } from "../implement.ts";
import type { FilesHandlers } from "../testdata/files.weir.ts";
import { Files, PutResponse } from "../testdata/files.weir.ts";
import { createGreeter, eventually, startGreeter } from "../testdata/greeter.ts";
import { SumRequest, SumResponse } from "../testdata/greeter.weir.ts";
import { createRawGrpc, envelope } from "../testdata/raw-grpc.ts";

interface Counted {
  readonly implementation: Implementation;
  readonly begun: () => number;
  readonly left: () => number;
}

/** A greeter whose streaming handlers wait for requests alone; counts those that wait and those that have stopped. */
function countedGreeter(): Counted {
  let [begun, left] = [0, 0];
  async function* items(requests: AsyncIterable<{ number: number }>): AsyncGenerator<{ total: number }> {
    begun += 1;
    try {
      for await (const { number } of requests) yield { total: number };
    } finally {
      left += 1;
    }
  }
  const greeter = createGreeter({
    echo: items,
    async sum(requests) {
      for await (const _ of items(requests)) continue;
      return SumResponse.create({});
    },
  });
  const rules = { Sum: "/v1/sum", Echo: "/v1/echo" };
  const methods = greeter.methods.map((method) => {
    const path = rules[method.descriptor.name as keyof typeof rules];
    const http = path === undefined ? method.descriptor.http : [{ verb: "POST" as const, path, body: "*", responseBody: "" }];
    return { ...method, descriptor: { ...method.descriptor, http } };
  });
  return { implementation: { ...greeter, methods }, begun: () => begun, left: () => left };
}

const one = envelope(SumRequest.toBinary(SumRequest.create({ number: 1 })));

for (const method of ["Sum", "Echo"] as const) {
  for (const type of ["application/grpc", "application/grpc-web", "application/connect+proto"]) {
    test(
      `the time of a call frees a handler of ${method} that waits for requests of ${type} over HTTP/2`,
      { timeout: 20_000 },
      async () => {
        const counted = countedGreeter();
        await using greeter = await startGreeter(counted.implementation, { streamTimeoutMsMax: 60 });
        await using raw = createRawGrpc(greeter.url);
        const stream = raw.open(`/weir.greeter.v1.Greeter/${method}`, { "content-type": type });
        stream.on("error", () => undefined).resume();
        stream.write(one);
        await eventually(() => counted.begun() === 1, "the handler to wait");
        await eventually(() => counted.left() === 1, "the handler to be freed");
      },
    );
  }

  test(`the time of a call frees a handler of ${method} that waits for requests over HTTP/1.1`, { timeout: 20_000 }, async () => {
    const counted = countedGreeter();
    await using greeter = await startGreeter(counted.implementation, { streamTimeoutMsMax: 60 });
    const headers = { "content-type": "application/connect+proto" };
    const asked = request(`${greeter.url}/weir.greeter.v1.Greeter/${method}`, { method: "POST", headers });
    asked.on("error", () => undefined).on("response", (response) => response.resume());
    asked.write(one);
    await eventually(() => counted.begun() === 1, "the handler to wait");
    await eventually(() => counted.left() === 1, "the handler to be freed");
    asked.destroy();
  });

  test(`the time of a call frees a handler of ${method} that waits for messages of a WebSocket`, { timeout: 20_000 }, async () => {
    const counted = countedGreeter();
    await using greeter = await startGreeter(counted.implementation, { streamTimeoutMsMax: 60 });
    const socket = new WebSocket(`${greeter.url.replace("http", "ws")}/v1/${method.toLowerCase()}`);
    await once(socket, "open");
    socket.send('{"number":1}');
    await once(socket, "close");
    await eventually(() => counted.left() === 1, "the handler to be freed");
  });

  test(`a WebSocket that is cut frees a handler of ${method} that waits for its messages`, { timeout: 20_000 }, async () => {
    const counted = countedGreeter();
    await using greeter = await startGreeter(counted.implementation);
    const socket = new WebSocket(`${greeter.url.replace("http", "ws")}/v1/${method.toLowerCase()}`);
    await once(socket, "open");
    socket.send('{"number":1}');
    await eventually(() => counted.begun() === 1, "the handler to wait");
    socket.terminate();
    await eventually(() => counted.left() === 1, "the handler to be freed");
  });
}

test("the time of a call frees a handler that waits for pieces of an upload over HTTP/1.1", { timeout: 20_000 }, async () => {
  let left = 0;
  const refuses = (): never => assert.fail("not asked");
  const files: FilesHandlers = {
    put: refuses,
    get: refuses,
    describe: refuses,
    turn: refuses,
    download: refuses,
    pipe: refuses,
    async upload(requests) {
      try {
        for await (const _ of requests) continue;
      } finally {
        left += 1;
      }
      return PutResponse.create({});
    },
  };
  await using greeter = await startGreeter(implement(Files, files), { streamTimeoutMsMax: 60 });
  const asked = request(`${greeter.url}/v1/uploads/a`, { method: "POST" });
  asked.on("error", () => undefined);
  asked.write("a piece");
  const [response] = (await once(asked, "response")) as [{ readonly statusCode: number; resume(): void }];
  response.resume();
  assert.equal(response.statusCode, 504);
  await eventually(() => left === 1, "the handler to be freed");
  asked.destroy();
});
