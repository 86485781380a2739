import { ClientCall } from "../../client-call.ts";
import { clientSettingsFrom } from "../../client-options.ts";
import type { Body, HttpHandler } from "../../http.ts";
import { Http2ClientConnection } from "../../http2/client-connection.ts";
import { http2ClientSettingsFrom } from "../../http2/client-options.ts";
import { HpackEncoder } from "../../http2/hpack/encoder.ts";
import { Http2ServerConnection } from "../../http2/server-connection.ts";
import { readBody } from "../../read-body.ts";
import { block, bytesOf, data, frame, framesOf, get, joined, numberFrame, post, preface, settings, type SeenFrame } from "../http2-wire.ts";
import { MemoryOutput } from "../memory-output.ts";
import { turn } from "../turns.ts";
import { fuzzClock } from "./fuzz-clock.ts";
import type { FuzzTarget, Random } from "./fuzz-target.ts";
import { brokenBytes, oneOf, settled } from "./fuzz-target.ts";
import { giveBack, takeSettings } from "./server-settings.ts";

const bodyBytesMax = 1_000_000;
const peer = { address: "memory", secure: false };
const clientSettings = { ...clientSettingsFrom({ host: "a.example", port: 80, clock: fuzzClock }), http2: http2ClientSettingsFrom({}) };
const ok = [":status", "200", "content-type", "application/grpc"];
const heads = [get, post, [...post, "content-length", "5"], [...get, "te", "trailers"], [...get, "x", "y"], [":method", "GET"]];
const answers = [ok, [...ok, "content-length", "5"], [":status", "100"], [":status", "204"], ["grpc-status", "0"], [":status", "2000"]];

/** A block of fields by an encoder that fills a table, or by none. */
function fieldsBlock(random: Random, encoder: HpackEncoder, fields: readonly string[]): Uint8Array {
  if (random(2) === 0) return block(...fields);
  const out = new Uint8Array(4096);
  let at = encoder.begin(out, 0);
  for (let index = 0; index < fields.length; index += 2) {
    at = encoder.field(out, at, { name: fields[index] as string, value: fields[index + 1] as string });
  }
  return out.slice(0, at);
}

/** Frames of every type, most of them in a sensible place. */
function frames(random: Random, lists: readonly (readonly string[])[], ids: readonly number[]): Uint8Array {
  const encoder = new HpackEncoder(4096);
  const parts: Uint8Array[] = [];
  for (let count = 1 + random(8); count > 0; count -= 1) {
    const id = oneOf(random, ids);
    const kind = random(14);
    if (kind < 5) parts.push(...headFrames(random, id, fieldsBlock(random, encoder, oneOf(random, lists))));
    else if (kind < 8) parts.push(data(id, bytesOf("hello".slice(0, random(6))), random(2) === 0));
    else if (kind === 8) parts.push(settings([oneOf(random, [1, 3, 4, 5, 6, 8, 99]), oneOf(random, [0, 1, 5, 100, 16_384, 65_535])]));
    else if (kind === 9)
      parts.push(numberFrame(oneOf(random, [3, 8]), oneOf(random, [0, id]), oneOf(random, [0, 1, 8, 1000, 0x7fff_ffff])));
    else if (kind === 10) parts.push(frame([6, random(2)], 0, bytesOf("pingpong")));
    else if (kind === 11) parts.push(frame([7, 0], 0, new Uint8Array(8)));
    else if (kind === 12)
      parts.push(frame([0, oneOf(random, [8, 9])], id, joined(Uint8Array.of(random(4)), bytesOf("abc"), new Uint8Array(3))));
    else parts.push(frame([random(16), random(256)], random(3) === 0 ? 0 : id, new Uint8Array(random(20))));
  }
  return joined(...parts);
}

/** HEADERS, at times with padding or priority, at times gone on in CONTINUATION. */
function headFrames(random: Random, id: number, fields: Uint8Array): Uint8Array[] {
  const end = random(2);
  if (random(4) > 0 || fields.length < 2) return [frame([1, 4 | end], id, fields)];
  if (random(2) === 0) return [frame([1, 4 | 8 | end], id, joined(Uint8Array.of(2), fields, new Uint8Array(2)))];
  const at = 1 + random(fields.length - 1);
  return [frame([1, end], id, fields.subarray(0, at)), frame([9, 4], id, fields.subarray(at))];
}

/** What stands in frames that a connection wrote on its own account: acknowledgements, resets, the end. */
function controlOf(list: readonly SeenFrame[]): string[] {
  return list
    .filter((one) => one.type === 3 || one.type === 7 || ((one.type === 4 || one.type === 6) && (one.flags & 1) === 1))
    .map(
      (one) =>
        `${["", "", "", "RESET", "SETTINGS", "", "PING", "GOAWAY"][one.type]} ${one.id} ${one.number} ${one.type === 6 ? one.content.toString("hex") : ""}`,
    );
}

async function textOf(body: Body): Promise<string> {
  try {
    const bytes = await readBody(body, bodyBytesMax);
    const trailers = body === undefined || body instanceof Uint8Array ? undefined : body.trailers?.();
    return `${Buffer.from(bytes).toString("latin1")} ${JSON.stringify(trailers)}`;
  } catch (thrown) {
    return `failed ${(thrown as { reason: string }).reason}`;
  }
}

/**
 * A server's connection. Its handlers wait until all bytes have come, so that what they read depends on nothing else. What is
 * compared are the heads of all requests, the bodies of those that came whole, and what was written about the connection.
 */
export const http2Server: FuzzTarget = {
  name: "http2-server",
  make: (random) => brokenBytes(random, joined(preface, settings(), frames(random, heads, [1, 1, 3, 3, 5, 7, 2]))),
  async outcome(pieces) {
    const asked: { head: string; body: Body }[] = [];
    let open = (): void => undefined;
    const gate = new Promise<void>((resolve) => (open = resolve));
    const handler: HttpHandler = async ({ method, target, authority, headers, body }) => {
      asked.push({ head: JSON.stringify([method, target, authority, headers]), body });
      await gate;
      return { status: 204, headers: [] };
    };
    const output = new MemoryOutput();
    const shared = takeSettings();
    const connection = new Http2ServerConnection(handler, shared, { output, peer });
    output.onDestroy = () => connection.closed();
    for (const piece of pieces) if (!output.destroyed) connection.receive(Buffer.from(piece), piece.length, true);
    await turn();
    const bodies = asked.map(({ head }) => `${head} unfinished`);
    for (const [place, { head, body }] of asked.entries()) void textOf(body).then((text) => (bodies[place] = `${head} ${text}`));
    await turn();
    // Requests that wait for their bodies are handed over behind others of the same read.
    const seen = bodies.toSorted();
    const control = controlOf(framesOf(Buffer.concat(output.writes)));
    open();
    if (!output.destroyed) connection.closed();
    await settled(() => shared.counters.requestsInFlight === 0, "no request in flight");
    giveBack(shared);
    // A request that is reset, by either side, in the read that brought it may or may not have been handed over before.
    const isCut = control.some((one) => one.startsWith("RESET") || one.startsWith("GOAWAY")) || hasReset(Buffer.concat(pieces));
    return `${(isCut ? [] : seen).join("\n")}\n${control.join("\n")}`;
  },
};

/** Whether a client has sent RST_STREAM. */
function hasReset(bytes: Buffer): boolean {
  for (let at = preface.length; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3)) if (bytes[at + 3] === 3) return true;
  return false;
}

/** A client's connection with three calls on their way, whose origin then goes away. */
export const http2Client: FuzzTarget = {
  name: "http2-client",
  make: (random) => brokenBytes(random, joined(settings(), frames(random, answers, [1, 1, 3, 3, 5, 7, 2]))),
  async outcome(pieces) {
    const output = new MemoryOutput();
    const owner = { roomy: () => undefined, retired: () => undefined, gone: () => undefined };
    const connection = new Http2ClientConnection(clientSettings, owner, { output, peer });
    output.onDestroy = () => connection.closed();
    connection.opened();
    const calls = [0, 1, 2].map(
      () =>
        new Promise<string>((resolve) => {
          const request = { method: "GET", target: "/", headers: [] };
          const call = new ClientCall(
            request,
            {},
            {
              deadlineMs: Infinity,
              resolve: ({ status, headers, body }) =>
                void textOf(body).then((text) => resolve(text.startsWith("failed") ? text : JSON.stringify([status, headers, text]))),
              reject: (error) => resolve(`failed ${error.reason}`),
            },
          );
          connection.send(call);
        }),
    );
    await Promise.resolve();
    for (const piece of pieces) if (!output.destroyed) connection.receive(Buffer.from(piece), piece.length, true);
    let outcomes: readonly string[] | undefined;
    void Promise.all(calls).then((all) => (outcomes = all));
    await turn();
    if (!output.destroyed) connection.end();
    await settled(() => outcomes !== undefined, "three answers or errors");
    const control = controlOf(framesOf(Buffer.concat(output.writes).subarray(preface.length)));
    connection.closed();
    return `${outcomes?.join("\n")}\n${control.join("\n")}`;
  },
};
