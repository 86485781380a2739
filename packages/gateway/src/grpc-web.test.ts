import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { bytesFromEnvelope } from "@weir/kit/rpc/envelope";
import { trailersFromBytes } from "@weir/kit/rpc/grpc-web";
import { createClient, readBody, type Body, type HeaderList } from "@weir/wire";
import { startGrpcServer, type GrpcServer } from "./fixtures/grpc.ts";
import { snapshotOf, startBackend, startHouse, type House } from "./fixtures/house.ts";
import { webAnswerFromGrpc } from "./rpc/web-translation.ts";
import { until } from "./fixtures/until.ts";

/** The envelopes of a body: flags, and the data as text. */
function envelopesIn(bytes: Uint8Array): [flags: number, text: string][] {
  const found: [number, string][] = [];
  const buffer = Buffer.from(bytes);
  for (let at = 0; at < buffer.length;) {
    const length = buffer.readUInt32BE(at + 1);
    assert.ok(at + 5 + length <= buffer.length, "envelopes are whole");
    found.push([buffer[at] as number, buffer.subarray(at + 5, at + 5 + length).toString("latin1")]);
    at += 5 + length;
  }
  return found;
}

/** Base64 that is padded wherever its sender flushed. */
function decodedText(text: string): Buffer {
  return Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((part) => Buffer.from(part, "base64")));
}

interface WebAnswer {
  readonly status: number;
  readonly type: string | undefined;
  readonly messages: readonly string[];
  /** What the last envelope says. */
  readonly ends: ReadonlyMap<string, string>;
}

async function askWeb(
  house: House,
  options: { method?: string; type: string; body: Body; http2: boolean; headers?: HeaderList },
): Promise<WebAnswer> {
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port), http2: options.http2 });
  const headers = ["content-type", options.type, "x-grpc-web", "1", ...(options.headers ?? [])];
  const target = `/test.v1.Echo/${options.method ?? "Unary"}`;
  const response = await client.request({ method: "POST", target, headers, body: options.body });
  const raw = Buffer.from(await readBody(response.body, 1e7));
  await client.close();
  const bytes = options.type.includes("-text") ? decodedText(raw.toString("latin1")) : raw;
  const envelopes = envelopesIn(bytes);
  const last = envelopes.at(-1);
  assert.equal((last?.[0] ?? 0) & 0x80, 0x80, "the last envelope holds the trailers");
  const list = trailersFromBytes(Buffer.from(last?.[1] ?? "", "latin1"));
  const ends = new Map<string, string>();
  for (let index = 0; index < list.length; index += 2) ends.set(list[index] as string, list[index + 1] as string);
  const type = response.headers[response.headers.indexOf("content-type") + 1];
  return { status: response.status, type, messages: envelopes.slice(0, -1).map(([, text]) => text), ends };
}

async function startServer(): Promise<GrpcServer> {
  return startGrpcServer("a", "v1", {
    unary(call, answer) {
      const text = call.request.toString();
      const trailers = new grpc.Metadata();
      trailers.set("x-trailer", "last");
      if (text === "bad") answer({ code: grpc.status.NOT_FOUND, details: "no such thing: 100 %" });
      else answer(null, Buffer.from(text.toUpperCase()), trailers);
    },
    serverStream(call) {
      for (let index = 0; index < 3; index++) call.write(Buffer.from(`${call.request.toString()} ${index}`));
      call.end();
    },
  });
}

const forms = [
  { type: "application/grpc-web+proto", encode: (bytes: Uint8Array): Uint8Array => bytes },
  {
    type: "application/grpc-web-text+proto",
    encode: (bytes: Uint8Array): Uint8Array => Buffer.from(Buffer.from(bytes).toString("base64")),
  },
];

test("gateway translates gRPC-Web for a server that speaks gRPC alone, binary and text, over both versions of HTTP", async () => {
  const server = await startServer();
  const house = await startHouse(snapshotOf([server]), []);
  for (const { type, encode } of forms) {
    for (const http2 of [false, true]) {
      const about = `${type}, HTTP/2 ${http2}`;
      const good = await askWeb(house, { type, http2, body: encode(bytesFromEnvelope(0, Buffer.from("hello"))) });
      assert.deepEqual([good.status, good.type, good.messages, good.ends.get("grpc-status")], [200, type, ["HELLO"], "0"], about);
      assert.equal(good.ends.get("x-trailer"), "last");
      const bad = await askWeb(house, { type, http2, body: encode(bytesFromEnvelope(0, Buffer.from("bad"))) });
      assert.deepEqual([bad.messages, bad.ends.get("grpc-status")], [[], "5"], about);
      assert.equal(decodeURIComponent(bad.ends.get("grpc-message") ?? ""), "no such thing: 100 %");
      const stream = await askWeb(house, { method: "ServerStream", type, http2, body: encode(bytesFromEnvelope(0, Buffer.from("m"))) });
      assert.deepEqual([stream.messages, stream.ends.get("grpc-status")], [["m 0", "m 1", "m 2"], "0"], about);
    }
  }
  const codes = house.lines.map((line) => (JSON.parse(line) as { code: string }).code);
  assert.deepEqual(codes, Array<string[]>(4).fill(["OK", "NOT_FOUND", "OK"]).flat());
  await house.stop();
  server.stop();
});

test("gateway refuses calls of gRPC-Web and Connect in their own form", async () => {
  const house = await startHouse(snapshotOf([{ id: "gone", version: "v1", port: 1, grpcOnly: true }]), []);
  for (const { type, encode } of forms) {
    const refused = await askWeb(house, { type, http2: true, body: encode(bytesFromEnvelope(0, Buffer.from("x"))) });
    assert.deepEqual([refused.status, refused.type, refused.ends.get("grpc-status")], [200, type, "14"]);
    assert.match(refused.ends.get("grpc-message") ?? "", /^Expected a connection to feed@v1/);
  }
  const { url } = house.gateway;
  await house.gateway.apply(snapshotOf([{ id: "gone", version: "v1", port: 1 }], { revision: 2 }));
  const unary = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json", "connect-protocol-version": "1" },
    body: "{}",
  });
  const error = (await unary.json()) as { code: string; reason: string; details: { type: string }[] };
  assert.deepEqual(
    [unary.status, error.code, error.reason, error.details[0]?.type],
    [502, "unavailable", "CONNECT_FAILED", "google.rpc.ErrorInfo"],
  );
  const stream = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/connect+json" },
    body: bytesFromEnvelope(0, Buffer.from("{}")),
  });
  assert.deepEqual([stream.status, stream.headers.get("content-type")], [200, "application/connect+json"]);
  const [end] = envelopesIn(new Uint8Array(await stream.arrayBuffer()));
  assert.equal(end?.[0], 2);
  assert.equal((JSON.parse(end?.[1] ?? "{}") as { error: { code: string } }).error.code, "unavailable");
  await house.stop();
});

test("gateway tells a client of gRPC-Web behind whole messages that its endpoint broke off", async () => {
  const frames = [bytesFromEnvelope(0, Buffer.from("first")), Buffer.from([0, 0, 0, 0, 9, 1])];
  for (const [count, type] of [
    [1, "application/grpc-web+proto"],
    [1, "application/connect+proto"],
    [2, "application/grpc-web+proto"],
  ] as const) {
    const read = Promise.withResolvers<void>();
    const backend = await startBackend("a", "v1", async () => ({
      status: 200,
      headers: ["content-type", type],
      body: {
        async *[Symbol.asyncIterator]() {
          yield Buffer.concat(frames.slice(0, count));
          await read.promise;
          throw new Error("the backend breaks");
        },
      },
    }));
    const house = await startHouse(snapshotOf([backend]), [backend]);
    const answer = await fetch(house.gateway.url, {
      method: "POST",
      headers: { "content-type": type },
      body: bytesFromEnvelope(0, Buffer.from("x")),
    });
    const reader = (answer.body as ReadableStream<Uint8Array>).getReader();
    const first = await reader.read();
    read.resolve();
    if (count === 2) await assert.rejects(reader.read(), "in the middle of a message nothing can be said");
    else {
      const last = await reader.read();
      const envelopes = envelopesIn(Buffer.concat([first.value as Uint8Array, last.value as Uint8Array]));
      assert.deepEqual(envelopes[0], [0, "first"]);
      assert.equal(envelopes.length, 2);
      assert.match(envelopes[1]?.[1] ?? "", type.includes("connect") ? /"code":"unavailable"/ : /grpc-status: 14/);
    }
    await until(() => house.lines.length === 1, "the call to be over");
    assert.equal((JSON.parse(house.lines[0] ?? "{}") as { cause: string }).cause, "RESET");
    await house.stop();
  }
});

test("gateway reads the code of calls of gRPC-Web and Connect that it passes on as they are", async () => {
  const ends = new Map([
    ["application/grpc-web+proto", bytesFromEnvelope(0x80, Buffer.from("grpc-status: 15\r\ngrpc-message: lost\r\n"))],
    ["application/grpc-web-text", Buffer.from(Buffer.from(bytesFromEnvelope(0x80, Buffer.from("Grpc-Status:15\r\n"))).toString("base64"))],
    ["application/connect+json", bytesFromEnvelope(2, Buffer.from('{"error":{"code":"data_loss"}}'))],
  ]);
  for (const [type, body] of ends) {
    for (const streamed of [false, true]) {
      const chunks = {
        async *[Symbol.asyncIterator]() {
          for (const byte of body) yield Uint8Array.of(byte);
        },
      };
      const backend = await startBackend("a", "v1", async () => ({
        status: 200,
        headers: ["content-type", type],
        body: streamed ? chunks : body,
      }));
      const house = await startHouse(snapshotOf([backend]), [backend]);
      const answer = await fetch(house.gateway.url, { method: "POST", headers: { "content-type": type }, body: "" });
      assert.deepEqual(Buffer.from(await answer.arrayBuffer()), Buffer.from(body));
      await until(() => house.lines.length === 1, "the call to be over");
      assert.equal((JSON.parse(house.lines[0] ?? "{}") as { code: string }).code, "DATA_LOSS", `${type} ${streamed}`);
      const metrics = await (await fetch(`${house.gateway.adminUrl}/metrics`)).text();
      assert.match(metrics, /cause="ANSWERED_DATA_LOSS"\} 1/);
      await house.stop();
    }
  }
});

test("gateway takes text of gRPC-Web apart as its sender meant it, or refuses it", async () => {
  const server = await startServer();
  const house = await startHouse(snapshotOf([server]), []);
  const seed = Math.trunc(Math.random() * 2 ** 31);
  let state = seed;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % below;
  };
  const type = "application/grpc-web-text+proto";
  for (let round = 0; round < 60; round++) {
    const message = "m".repeat(random(40));
    const bytes = Buffer.from(bytesFromEnvelope(0, Buffer.from(message)));
    // Padded wherever the sender flushed, and sent in other pieces than it was written in.
    let text = "";
    for (let at = 0; at < bytes.length;) {
      const size = 1 + random(9);
      text += bytes.subarray(at, at + size).toString("base64");
      at += size;
    }
    const broken = round % 3 === 2;
    if (broken) {
      const at = random(text.length);
      text = `${text.slice(0, at)}${["*", "\n", "=", "é", "-"][random(5)]}${text.slice(at)}`;
    }
    const pieces = Buffer.from(text, "latin1");
    const body = {
      async *[Symbol.asyncIterator]() {
        for (let at = 0; at < pieces.length;) {
          const size = 1 + random(5);
          yield pieces.subarray(at, at + size);
          at += size;
        }
      },
    };
    const answer = await askWeb(house, { type, http2: round % 2 === 0, body });
    const status = answer.ends.get("grpc-status");
    if (!broken) assert.deepEqual([status, answer.messages], ["0", [message.toUpperCase()]], `round ${round}, seed ${seed}`);
    // What is not base64 is refused; what still is may be another message, but never half of one.
    else assert.ok(status === "3" || status === "0" || status === "13" || status === "1", `round ${round}, seed ${seed}: ${status}`);
  }
  await house.stop();
  server.stop();
});

test("gateway says nothing behind half a message of an endpoint of gRPC, and lets no message pass for trailers", async (t) => {
  const whole = Buffer.from([0, 0, 0, 0, 1, 7]);
  let answer = whole;
  let pieces = 1;
  const server = http2.createServer().on("stream", (stream: http2.ServerHttp2Stream) => {
    stream.on("error", () => undefined).on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
    stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
    if (pieces === 2) stream.write(answer.subarray(0, 7), () => stream.end(answer.subarray(7)));
    else stream.end(answer);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  const house = await startHouse(snapshotOf([{ id: "a", version: "v1", port, http2: true, grpcOnly: true }]), []);
  t.after(async () => {
    await house.stop();
    server.close();
  });
  const client = createClient({ host: "127.0.0.1", port: Number(new URL(house.gateway.url).port) });
  t.after(() => client.close());
  const lies = {
    long: [0, 0, 0, 0, 100, 1, 2],
    huge: [0, 255, 255, 255, 255, 1, 2],
    short: [0, 0, 0],
    trailers: [128, 0, 0, 0, 1, 1],
    odd: [129, 0, 0, 0, 0, 0],
  };
  for (pieces of [1, 2]) {
    for (const form of ["application/grpc-web+proto", "application/grpc-web-text+proto"]) {
      const ask = async (): Promise<string> => {
        const body = Buffer.from(form.includes("text") ? "AAAAAAA=" : "\0\0\0\0\0", "latin1");
        const response = await client.request({ method: "POST", target: "/a/b", headers: ["content-type", form], body });
        const bytes = Buffer.from(await readBody(response.body, 1e5));
        return (form.includes("text") ? decodedText(bytes.toString("latin1")) : bytes).toString("latin1");
      };
      answer = whole;
      assert.equal(await ask(), `${whole.toString("latin1")}\x80\0\0\0\x10grpc-status: 0\r\n`);
      for (const [name, lie] of Object.entries(lies)) {
        answer = Buffer.from([...whole, ...lie]);
        const heard = await ask().catch((thrown: unknown) => (thrown as { reason: string }).reason);
        // Cut when a part has gone already, else refused.
        assert.match(heard, /^(?:UPSTREAM_BODY_TRUNCATED|\x80[^]*grpc-status: 2\r\n[^]*)$/, `${name} in ${pieces}`);
        const response = { status: 200, headers: ["content-type", "application/grpc"], body: answer };
        assert.throws(
          () => webAnswerFromGrpc(response, { form: "grpc-web", accepted: "", domain: "" }),
          { reason: "UPSTREAM_NOT_GRPC" },
          name,
        );
      }
    }
  }
});
