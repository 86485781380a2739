import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { createServer } from "@weir/wire";
import type { FieldDescriptor, HttpRule } from "../../contract/contract.ts";
import { fault } from "../../fault.ts";
import type { Implementation } from "../implement.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";
import type { GreeterHandlers } from "../testdata/greeter.weir.ts";
import type { RpcOptions } from "./server.ts";
import { createRawGrpc } from "../testdata/raw-grpc.ts";
import { createRpcHandler } from "./server.ts";
import WebSocket from "ws";

const number: FieldDescriptor = { json: "number", proto: "number", kind: "number", repeated: false };

/** The greeter with a rule for each of its methods that take streams. */
function withSocketRules(handlers: Partial<GreeterHandlers> = {}): Implementation {
  const greeter = createGreeter(handlers);
  const rules: Record<string, HttpRule> = {
    Sum: { verb: "POST", path: "/v1/sum", body: "*", responseBody: "total" },
    Echo: { verb: "GET", path: "/v1/echo", body: "", responseBody: "" },
  };
  return {
    descriptor: greeter.descriptor,
    methods: greeter.methods.map((method) => {
      const rule = rules[method.descriptor.name];
      return rule ? { ...method, descriptor: { ...method.descriptor, http: [rule], fields: [number] } } : method;
    }),
  };
}

/** What came over a session, in order, and how it was closed. */
interface Heard {
  readonly messages: string[];
  readonly code: number;
  readonly reason: string;
}

async function converse(url: string, path: string, messages: readonly (string | Buffer)[]): Promise<Heard> {
  const socket = new WebSocket(`${url.replace("http", "ws")}${path}`);
  const heard: string[] = [];
  socket.on("message", (data: Buffer) => heard.push(data.toString()));
  await once(socket, "open");
  for (const message of messages) socket.send(message);
  const [code, reason] = (await once(socket, "close")) as [number, Buffer];
  return { messages: heard, code, reason: reason.toString() };
}

test("ws streams requests to REST methods, one JSON message each, and an empty one ends them", async () => {
  await using greeter = await startGreeter(withSocketRules());
  assert.deepEqual(await converse(greeter.url, "/v1/sum", ['{"number":1}', '{"number":"2"}', ""]), {
    messages: ['{"result":3}'],
    code: 1000,
    reason: "",
  });
  assert.deepEqual(await converse(greeter.url, "/v1/echo", ['{"number":1}', '{"number":5}', ""]), {
    messages: ['{"result":{"total":1}}', '{"result":{"total":6}}'],
    code: 1000,
    reason: "",
  });
});

test("path and query hold for every message", async () => {
  await using greeter = await startGreeter(withSocketRules());
  assert.deepEqual((await converse(greeter.url, "/v1/echo?number=4", ["{}", '{"number":1}', ""])).messages, [
    '{"result":{"total":4}}',
    '{"result":{"total":8}}',
  ]);
});

test("messages are answered while the client goes on", async () => {
  await using greeter = await startGreeter(withSocketRules());
  const socket = new WebSocket(`${greeter.url.replace("http", "ws")}/v1/echo`);
  await once(socket, "open");
  for (const total of [1, 2, 3]) {
    socket.send('{"number":1}');
    const [data] = (await once(socket, "message")) as [Buffer];
    assert.equal(data.toString(), `{"result":{"total":${total}}}`);
  }
  socket.send("");
  assert.equal(((await once(socket, "close")) as [number])[0], 1000);
});

test("a call that fails ends with its error and the close code of the table", async () => {
  const handlers: Partial<GreeterHandlers> = {
    async *echo(requests) {
      for await (const { number } of requests) {
        if (number === 7) throw fault({ reason: "SEVEN", code: "PERMISSION_DENIED" }, "No sevens.");
        yield { total: number };
      }
    },
  };
  await using greeter = await startGreeter(withSocketRules(handlers), { requestBytesMax: 100, streamTimeoutMsMax: 10_000 });
  const table: [message: string | Buffer, code: number, reason: string][] = [
    ['{"number":7}', 1008, "SEVEN"],
    ["{", 1007, "JSON_INVALID"],
    ["[]", 1007, "JSON_INVALID"],
    ['{"nummer":1}', 1007, "JSON_INVALID"],
    [Buffer.from("{}"), 1007, "CONTENT_TYPE_UNSUPPORTED"],
  ];
  for (const [message, code, reason] of table) {
    const heard = await converse(greeter.url, "/v1/echo", ['{"number":1}', message]);
    assert.deepEqual([heard.code, heard.reason, heard.messages[0]], [code, reason, '{"result":{"total":1}}'], reason);
    const error = JSON.parse(heard.messages[1] ?? "") as { error: { reason: string; code: string } };
    assert.equal(error.error.reason, reason);
  }
  assert.equal((await converse(greeter.url, "/v1/echo", [`{"number":${" ".repeat(200)}1}`])).code, 1009);
});

test("a deadline ends a session, and a client that closes cancels the call", async () => {
  const ended = Promise.withResolvers<string>();
  const handlers: Partial<GreeterHandlers> = {
    async *echo(_, call) {
      call.onEnd(({ code }) => ended.resolve(code));
      yield { total: 1 };
      await new Promise(() => undefined);
    },
  };
  const options: RpcOptions = { streamTimeoutMsMax: 100 };
  await using greeter = await startGreeter(withSocketRules(handlers), options);
  const late = await converse(greeter.url, "/v1/echo", []);
  assert.deepEqual([late.code, late.reason, late.messages.length], [1011, "DEADLINE_EXCEEDED", 2]);
  assert.equal(await ended.promise, "DEADLINE_EXCEEDED");
  const gone = Promise.withResolvers<string>();
  await using patient = await startGreeter(
    withSocketRules({
      async sum(_, call) {
        call.onEnd(({ code }) => gone.resolve(code));
        await new Promise(() => undefined);
        return { total: 0 };
      },
    }),
  );
  const socket = new WebSocket(`${patient.url.replace("http", "ws")}/v1/sum`);
  await once(socket, "open");
  socket.close(1000);
  assert.equal(await gone.promise, "CANCELLED");
});

test("a handler that drains closes its sessions with 1001 and opens no more", async () => {
  const ended = Promise.withResolvers<string>();
  const greeter = withSocketRules({
    async *echo(_, call) {
      call.onEnd(({ code }) => ended.resolve(code));
      yield { total: 1 };
      await new Promise(() => undefined);
    },
  });
  const handler = createRpcHandler([greeter]);
  const server = createServer(handler);
  const { port } = await server.listen({ port: 0 });
  try {
    const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/echo`);
    await once(socket, "message");
    const closed = once(socket, "close") as Promise<[number]>;
    await handler.drain(5000);
    assert.deepEqual([(await closed)[0], await ended.promise], [1001, "CANCELLED"]);
    const late = new WebSocket(`ws://127.0.0.1:${port}/v1/echo`);
    const [, response] = (await once(late, "unexpected-response")) as [unknown, { statusCode: number }];
    assert.equal(response.statusCode, 503);
  } finally {
    await server.close();
  }
});

test("a request without an upgrade is told to upgrade, and pages of other origins are refused", async () => {
  await using greeter = await startGreeter(withSocketRules(), { corsOrigins: ["https://app.example"] });
  const plain = await greeter.ask("POST", "/v1/sum", { headers: ["content-type", "application/json"], body: "{}" });
  assert.deepEqual([plain.status, plain.json["reason"]], [426, "UPGRADE_REQUIRED"]);
  const url = `${greeter.url.replace("http", "ws")}/v1/echo`;
  const table: [origin: string, expected: string][] = [
    ["https://app.example", "open"],
    [greeter.url, "open"],
    ["https://evil.example", "403"],
  ];
  for (const [origin, expected] of table) {
    const socket = new WebSocket(url, { origin });
    const found = await new Promise<string>((resolve) => {
      socket.on("open", () => resolve("open"));
      socket.on("unexpected-response", (_, response) => resolve(String(response.statusCode)));
      socket.on("error", () => undefined);
    });
    assert.equal(found, expected, origin);
    socket.terminate();
  }
  const nowhere = new WebSocket(`${greeter.url.replace("http", "ws")}/v1/nowhere`);
  const [, response] = (await once(nowhere, "unexpected-response")) as [unknown, { statusCode: number }];
  assert.equal(response.statusCode, 404);
});

test("sessions are opened over HTTP/2 too, by extended CONNECT", async () => {
  await using greeter = await startGreeter(withSocketRules());
  await using raw = createRawGrpc(greeter.url);
  const { session } = raw;
  if (!session.remoteSettings?.enableConnectProtocol) await once(session, "remoteSettings");
  const head = {
    ":method": "CONNECT",
    ":protocol": "websocket",
    ":scheme": "http",
    ":path": "/v1/echo",
    ":authority": new URL(greeter.url).host,
  };
  const stream = session.request({ ...head, "sec-websocket-version": "13" });
  const [response] = (await once(stream, "response")) as [{ ":status": number }];
  assert.equal(response[":status"], 200);
  const text = '{"number":2}';
  // A mask of zeros leaves the text as it is.
  stream.write(Buffer.concat([Buffer.of(0x81, 0x80 | text.length, 0, 0, 0, 0), Buffer.from(text), Buffer.of(0x81, 0x80, 0, 0, 0, 0)]));
  const chunks: Buffer[] = [];
  for await (const chunk of stream) {
    chunks.push(chunk as Buffer);
    // The close frame has come: ours answers it.
    if (Buffer.concat(chunks).includes(Buffer.of(0x88, 2, 3, 232))) stream.end(Buffer.of(0x88, 0x82, 0, 0, 0, 0, 3, 232));
  }
  assert.ok(Buffer.concat(chunks).toString("latin1").includes('{"result":{"total":2}}'));
});
