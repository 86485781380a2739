// How often a call is sent in all, over a plain client and over a balanced one, which both send again. The other side is nghttp2.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { Greeter } from "../testdata/greeter.weir.ts";
import type { RawHttp2 } from "../testdata/raw-http2.ts";
import { answerGreeting, startRawHttp2 } from "../testdata/raw-http2.ts";
import { createBalancedClient } from "./balance/balanced-client.ts";
import type { WireTransport } from "./transport.ts";
import { createWireTransport } from "./transport.ts";

const clients = {
  plain: (url: string): WireTransport => createWireTransport({ url, protocol: "grpc" }),
  balanced(url: string): WireTransport {
    const client = createBalancedClient({ target: `static:///${new URL(url).host}`, outlier: false });
    const transport = createWireTransport({ client, protocol: "grpc" });
    return Object.assign(transport, { close: () => client.close() });
  },
};

async function outcomeOf(answer: Promise<unknown>): Promise<string> {
  try {
    await answer;
    return "OK";
  } catch (thrown) {
    assert.ok(isFault(thrown), String(thrown));
    return thrown.reason;
  }
}

async function* numbersTo(count: number): AsyncGenerator<{ number: number }> {
  for (let number = 1; number <= count; number++) yield { number };
}

for (const [name, transportOf] of Object.entries(clients)) {
  test(`a call is sent twice at most to a server that refuses every stream, over a ${name} client`, { timeout: 20_000 }, async () => {
    await using raw = await startRawHttp2((stream) => stream.close(7));
    const transport = transportOf(raw.url);
    const client = createClient(Greeter, transport, { timeoutMs: 10_000 });
    assert.equal(await outcomeOf(client.hello({})), "UPSTREAM_STREAM_REFUSED");
    assert.equal(raw.streams.length, 2);
    assert.equal(await outcomeOf(client.sum(numbersTo(3))), "UPSTREAM_STREAM_REFUSED");
    assert.equal(raw.streams.length, 4);
    await transport.close();
  });

  test(
    `a call is sent twice at most to a server that goes away with every connection, over a ${name} client`,
    { timeout: 20_000 },
    async () => {
      await using raw = await startRawHttp2(answerGreeting);
      raw.server.on("session", (session) => session.goaway(0));
      const transport = transportOf(raw.url);
      const client = createClient(Greeter, transport, { timeoutMs: 10_000 });
      assert.equal(await outcomeOf(client.hello({})), "UPSTREAM_STREAM_REFUSED");
      assert.equal(raw.sessionsMade(), 2);
      assert.equal(await outcomeOf(client.sum(numbersTo(3))), "UPSTREAM_STREAM_REFUSED");
      assert.equal(raw.sessionsMade(), 4);
      await transport.close();
    },
  );

  test(`hundreds of calls that one GOAWAY refuses all go on, over a ${name} client`, { timeout: 20_000 }, async () => {
    const calls = 400;
    let refused = 0;
    const onStream = (stream: Parameters<typeof answerGreeting>[0], index: number, made: () => number): void => {
      if (index === 0 || made() > 1) answerGreeting(stream);
      else if ((refused += 1) === 1) stream.session?.goaway(0, 1);
    };
    let raw: RawHttp2 | undefined = undefined;
    await using server = await startRawHttp2((stream, index) => onStream(stream, index, () => raw?.sessionsMade() ?? 0));
    raw = server;
    const transport = transportOf(server.url);
    const client = createClient(Greeter, transport, { timeoutMs: 10_000 });
    assert.equal(await outcomeOf(client.hello({})), "OK");
    const outcomes = await Promise.all(Array.from({ length: calls }, () => outcomeOf(client.hello({}))));
    assert.deepEqual(new Set(outcomes), new Set(["OK"]));
    await transport.close();
  });

  test(`a stream of requests is sent again whole though some of it was taken, over a ${name} client`, { timeout: 20_000 }, async () => {
    const bodies: number[] = [];
    await using raw = await startRawHttp2((stream, index) => {
      let bytes = 0;
      stream.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (index === 0 && bytes > 20_000) stream.close(7);
      });
      stream.on("end", () => {
        bodies.push(bytes);
        answerGreeting(stream);
      });
    });
    const transport = transportOf(raw.url);
    const client = createClient(Greeter, transport, { timeoutMs: 10_000 });
    assert.equal(await outcomeOf(client.sum(numbersTo(8000))), "OK");
    assert.equal(raw.streams.length, 2);
    const [whole = 0] = bodies;
    assert.deepEqual(bodies, [whole]);
    assert.ok(whole > 8000 * 7, `${whole} bytes`);
    await transport.close();
  });
}
