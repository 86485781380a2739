import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { ClientRequest, ClientResponse } from "../client-call.ts";
import type { Client } from "../client.ts";
import { readBody } from "../read-body.ts";
import type { WireError } from "../reasons.ts";
import { bytesOf, data, frame, headers, http2Conversation, joined, numberFrame, post, preface, settings } from "../testing/http2-wire.ts";
import { failure, pair } from "../testing/pair.ts";
import { errorCodes } from "./fault.ts";
import { frameTypes } from "./frame.ts";

const ask: ClientRequest = { method: "POST", target: "/", headers: [], body: bytesOf("ask") };
const head = headers(1, [":status", "200"], false);
const some = data(1, "some");

function reset(code: number): Uint8Array {
  return numberFrame(frameTypes.reset, 1, code);
}

function goAway(lastId: number, code: number): Uint8Array {
  const content = Buffer.alloc(8);
  content.writeUInt32BE(lastId, 0);
  content.writeUInt32BE(code, 4);
  return frame([frameTypes.goAway, 0], 0, content);
}

/** A client whose origin answers its first request (stream 1) with `answer`, and then hangs up if `hangsUp`. */
async function asked(t: TestContext, answer: Uint8Array, hangsUp = false): Promise<{ client: Client; call: Promise<ClientResponse> }> {
  const { client } = await pair(
    t,
    (socket) => {
      let bytes = 0;
      socket.write(settings());
      socket.on("data", (chunk: Buffer) => {
        // The preface with SETTINGS and WINDOW_UPDATE is less than 100 bytes; the request comes behind the answer to ours.
        bytes += chunk.length;
        if (bytes < 120) return;
        bytes = -Infinity;
        socket.write(answer);
        if (hangsUp) socket.end();
      });
    },
    { http2: true },
  );
  return { client, call: client.request({ ...ask, headers: ["x-filler", "x".repeat(100)] }) };
}

test("a call that the origin resets tells the code of the reset, one that nobody knows too", async (t) => {
  for (const code of [errorCodes.NO_ERROR, errorCodes.CANCEL, errorCodes.REFUSED_STREAM, errorCodes.ENHANCE_YOUR_CALM, 0xbeef]) {
    const { call } = await asked(t, reset(code));
    assert.equal((await failure(call)).http2Code, code);
  }
});

test("a body that the origin resets tells the code of the reset", async (t) => {
  const { call } = await asked(t, joined(head, some, reset(errorCodes.INTERNAL_ERROR)));
  const error = await failure(call.then((response) => readBody(response.body, 100)));
  assert.deepEqual([error.reason, error.http2Code], ["UPSTREAM_STREAM_RESET", errorCodes.INTERNAL_ERROR]);
});

test("calls that a GOAWAY ends tell its code, whether the origin had seen them or not", async (t) => {
  const seen = await failure((await asked(t, goAway(1, errorCodes.ENHANCE_YOUR_CALM), true)).call);
  assert.deepEqual([seen.reason, seen.http2Code, seen.sent], ["CONNECTION_RESET", errorCodes.ENHANCE_YOUR_CALM, true]);
  const { call } = await asked(t, joined(head, some, goAway(1, errorCodes.INTERNAL_ERROR)), true);
  const cut = await failure(call.then((response) => readBody(response.body, 100)));
  assert.deepEqual([cut.reason, cut.http2Code], ["UPSTREAM_BODY_TRUNCATED", errorCodes.INTERNAL_ERROR]);
  const unseen = await failure((await asked(t, goAway(0, errorCodes.INTERNAL_ERROR))).call);
  assert.deepEqual([unseen.reason, unseen.http2Code, unseen.sent], ["UPSTREAM_STREAM_REFUSED", errorCodes.INTERNAL_ERROR, false]);
});

test("an error that no code of the peer has caused tells none", async (t) => {
  const gone = await failure((await asked(t, settings(), true)).call);
  assert.deepEqual([gone.reason, gone.http2Code], ["CONNECTION_RESET", undefined]);
});

test("a request's body that the client resets tells the handler the code", async () => {
  const { promise, resolve } = Promise.withResolvers<WireError>();
  const { connection } = http2Conversation(async (request) => {
    resolve(await failure(readBody(request.body, 1e6)));
    return { status: 200, headers: [] };
  });
  connection.receive(joined(preface, settings(), headers(1, post, false), some));
  connection.receive(reset(errorCodes.ENHANCE_YOUR_CALM));
  const error = await promise;
  assert.deepEqual([error.reason, error.http2Code], ["CLIENT_GONE", errorCodes.ENHANCE_YOUR_CALM]);
});
