import { ClientCall } from "../../client-call.ts";
import { clientSettingsFrom } from "../../client-options.ts";
import type { HttpHandler, HttpRequest } from "../../http.ts";
import { ClientConnection } from "../../http1/client-connection.ts";
import { ServerConnection } from "../../http1/connection.ts";
import { readBody } from "../../read-body.ts";
import { MemoryOutput } from "../memory-output.ts";
import { turn } from "../turns.ts";
import { fuzzClock } from "./fuzz-clock.ts";
import type { FuzzTarget, Random } from "./fuzz-target.ts";
import { oneOf, settled } from "./fuzz-target.ts";
import { giveBack, takeSettings } from "./server-settings.ts";

const requests = [
  "GET /a?b=c HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\nX-Id: 1\r\n\r\n",
  "POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
  "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-Sum: 12\r\n\r\n",
  "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "HEAD http://a/x HTTP/1.1\r\nHost: a\r\nConnection: x-hop, close\r\nX-Hop: 1\r\n\r\n",
  "PUT /%41/b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
  "\r\nOPTIONS * HTTP/1.1\r\nHost: [::1]:8080\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
];
const responses = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: y\r\n\r\nhello",
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: 1\r\n\r\n",
  "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n",
  "HTTP/1.0 200 OK\r\n\r\nuntil the end",
  "HTTP/1.1 304\r\nContent-Length: 7\r\n\r\n",
];
const marks = ["\r\n", "\n", "\r", " ", "\t", ":", "\0", "\x7f", "\x80", "\xff", "0", "00", "f", ";", ",", "#", "//", "\r\n\r\n"];
const words = [
  "%2e",
  "%2f",
  "/../",
  "Content-Length: 1\r\n",
  "Transfer-Encoding: chunked\r\n",
  "Host: b\r\n",
  "HTTP/1.1",
  "HTTP/1.0",
  "chunked",
  "close",
  "Connection: keep-alive\r\n",
  "Expect: 100-continue\r\n",
  "Upgrade: websocket\r\n",
  "ffffffffff",
  "100-continue",
  "*",
  "GET ",
];
const morsels: readonly string[] = [...marks, ...words];

/** Messages behind each other, with morsels put in and characters taken out. */
function brokenText(random: Random, corpus: readonly string[]): Uint8Array {
  let text = "";
  for (let count = 1 + random(3); count > 0; count -= 1) text += oneOf(random, corpus);
  for (let count = random(4); count > 0; count -= 1) {
    const at = random(text.length + 1);
    const morsel = random(3) === 0 ? String.fromCharCode(random(256)) : oneOf(random, morsels);
    const cut = random(2) === 0 ? random(4) : 0;
    text = text.slice(0, at) + (random(3) === 0 ? "" : morsel) + text.slice(at + cut);
  }
  return Buffer.from(text, "latin1");
}

const peer = { address: "memory", secure: false };
const bodyBytesMax = 1_000_000;

/** A server's connection, whose handler reads every body and answers 200. */
export const http1Server: FuzzTarget = {
  name: "http1-server",
  make: (random) => brokenText(random, requests),
  async outcome(pieces) {
    const seen: string[] = [];
    let reading = 0;
    const handler: HttpHandler = async (request) => {
      const place = seen.push("") - 1;
      reading += 1;
      seen[place] = await described(request);
      reading -= 1;
      return { status: 200, headers: ["date", "now"], body: Buffer.from(`${place}`) };
    };
    const output = new MemoryOutput();
    const settings = takeSettings();
    const connection = new ServerConnection(handler, settings, { output, peer });
    output.onDestroy = () => connection.closed();
    for (const piece of pieces) {
      if (output.destroyed) break;
      connection.receive(Buffer.from(piece), piece.length, true);
      await Promise.resolve();
    }
    // An end that comes before answers is a client that has gone: what it sent last need not be asked any more.
    await turn();
    if (!output.destroyed) connection.end();
    await settled(() => reading === 0 && (output.ended || output.destroyed), "every body read and the connection ended");
    if (!output.destroyed) connection.closed();
    giveBack(settings);
    // Whether a request whose body turns out bad is handed over, and whether 100 is said, depends on when its bytes came.
    const whole = seen.filter((one) => !one.includes('"body":"failed: '));
    return `${whole.join("\n")}\n${output
      .text()
      .replaceAll("HTTP/1.1 100 Continue\r\n\r\n", "")
      .replaceAll(/\r\ndate: [^\r]*/g, "")}`;
  },
};

async function described({ method, target, authority, headers, upgrade, body }: HttpRequest): Promise<string> {
  let text: string;
  let trailers: unknown;
  try {
    text = Buffer.from(await readBody(body, bodyBytesMax)).toString("latin1");
    trailers = body instanceof Uint8Array ? undefined : body?.trailers?.();
  } catch (thrown) {
    text = `failed: ${(thrown as { reason: string }).reason}`;
  }
  return JSON.stringify({ method, target, authority, headers, upgrade, body: text, trailers });
}

const clientSettings = clientSettingsFrom({ host: "a", port: 80, clock: fuzzClock });

/** A client's connection that has asked once: GET, or HEAD when the input has an even length. */
export const http1Client: FuzzTarget = {
  name: "http1-client",
  make: (random) => brokenText(random, responses),
  async outcome(pieces) {
    const isHead = pieces.reduce((sum, piece) => sum + piece.length, 0) % 2 === 0;
    const output = new MemoryOutput();
    const owner = { free: () => undefined, gone: () => undefined };
    const connection = new ClientConnection(clientSettings, owner, output);
    output.onDestroy = () => connection.closed();
    connection.opened();
    const events: string[] = [];
    let isOver = false;
    const over = (event: string): void => {
      events.push(event);
      isOver = true;
    };
    const call = new ClientCall(
      { method: isHead ? "HEAD" : "GET", target: "/", headers: [] },
      {},
      {
        deadlineMs: Infinity,
        resolve: ({ status, headers, lengthOfGet, body }) => {
          events.push(JSON.stringify([status, headers, lengthOfGet]));
          readBody(body, bodyBytesMax).then(
            (bytes) => over(Buffer.from(bytes).toString("latin1")),
            (thrown: { reason: string }) => over(thrown.reason),
          );
        },
        reject: (error) => over(error.reason),
      },
    );
    connection.send(call);
    for (const piece of pieces) {
      connection.receive(Buffer.from(piece), piece.length, true);
      await Promise.resolve();
    }
    connection.end();
    await settled(() => isOver, "an answer or an error");
    connection.closed();
    // Whether an answer is handed out before its body turns out bad depends on when the body came.
    const last = events.at(-1) ?? "";
    return last.startsWith("UPSTREAM_") ? last : events.join("|");
  },
};
