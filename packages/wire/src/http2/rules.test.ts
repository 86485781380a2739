import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpHandler } from "../http.ts";
import { readBody } from "../read-body.ts";
import {
  block,
  bytesOf,
  data,
  frame,
  get,
  headers,
  http2Conversation,
  joined,
  numberFrame,
  post,
  preface,
  settings,
} from "../testing/http2-wire.ts";
import { turn } from "../testing/turns.ts";
import { errorCodes, type ErrorCode } from "./fault.ts";

const { PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM, COMPRESSION_ERROR } = errorCodes;

/** What a case shall end in: GOAWAY, RST_STREAM, or an answer with this status. */
type Expected = { readonly goAway: ErrorCode } | { readonly reset: ErrorCode } | { readonly status: string };
type Case = readonly [name: string, bytes: Uint8Array, expected: Expected];

const open = joined(preface, settings());
const zeros = (count: number): Uint8Array => new Uint8Array(count);
const ask = headers(1, get);
const asking = headers(1, post, false);

/** GET with one more field, or with one changed. */
function request(...fields: readonly string[]): Uint8Array {
  return headers(1, [...get, ...fields]);
}

function pseudo(changes: Readonly<Record<string, string | undefined>>): Uint8Array {
  const fields: string[] = [];
  for (let index = 0; index < get.length; index += 2) {
    const name = get[index] as string;
    const value = name in changes ? changes[name] : get[index + 1];
    if (value !== undefined) fields.push(name, value);
  }
  for (const [name, value] of Object.entries(changes)) if (!get.includes(name) && value !== undefined) fields.push(name, value);
  return headers(1, fields);
}

// Sections are those of RFC 9113.
const cases: readonly Case[] = [
  ["3.4 a preface that is another", bytesOf("GET / HTTP/1.1\r\n\r\n"), { goAway: PROTOCOL_ERROR }],
  ["3.4 a first frame that is not SETTINGS", joined(preface, frame([6, 0], 0, zeros(8))), { goAway: PROTOCOL_ERROR }],
  ["3.4 a first frame that confirms SETTINGS", joined(preface, frame([4, 1], 0)), { goAway: PROTOCOL_ERROR }],
  ["4.1 a frame of unknown type", joined(open, frame([0x16, 0], 0, zeros(8)), ask), { status: "200" }],
  ["4.1 flags that mean nothing", joined(open, frame([6, 0x16], 0, zeros(8)), ask), { status: "200" }],
  ["4.1 the reserved bit of a stream's number", joined(open, frame([6, 0], 0x8000_0000, zeros(8)), ask), { status: "200" }],
  ["4.2 DATA of the greatest length", joined(open, asking, data(1, zeros(16_384), true)), { status: "200" }],
  ["4.2 DATA longer than allowed", joined(open, asking, data(1, zeros(16_385), true)), { goAway: FRAME_SIZE_ERROR }],
  ["4.2 HEADERS longer than allowed", joined(open, frame([1, 5], 1, zeros(16_385))), { goAway: FRAME_SIZE_ERROR }],
  [
    "4.3 a header block that cannot be decoded",
    joined(open, frame([1, 5], 1, Uint8Array.of(0x40, 0x01, 0x61))),
    { goAway: COMPRESSION_ERROR },
  ],
  [
    "4.3 PRIORITY inside a header block",
    joined(open, frame([1, 1], 1, block(...get)), frame([2, 0], 1, zeros(5))),
    { goAway: PROTOCOL_ERROR },
  ],
  [
    "4.3 HEADERS of another stream inside a header block",
    joined(open, frame([1, 1], 1, block(...get)), headers(3, get)),
    { goAway: PROTOCOL_ERROR },
  ],
  ["5.1 DATA on an idle stream", joined(open, data(1, "x", true)), { goAway: PROTOCOL_ERROR }],
  ["5.1 RST_STREAM on an idle stream", joined(open, numberFrame(3, 1, 8)), { goAway: PROTOCOL_ERROR }],
  ["5.1 WINDOW_UPDATE on an idle stream", joined(open, numberFrame(8, 1, 100)), { goAway: PROTOCOL_ERROR }],
  ["5.1 CONTINUATION on an idle stream", joined(open, frame([9, 4], 1, block(...get))), { goAway: PROTOCOL_ERROR }],
  ["5.1 DATA after the end of a stream", joined(open, ask, data(1, "x", true)), { reset: STREAM_CLOSED }],
  ["5.1 HEADERS after the end of a stream", joined(open, ask, ask), { reset: STREAM_CLOSED }],
  ["5.1 HEADERS after RST_STREAM", joined(open, asking, numberFrame(3, 1, 8), headers(1, ["x", "y"])), { goAway: STREAM_CLOSED }],
  ["5.1 DATA after RST_STREAM", joined(open, asking, numberFrame(3, 1, 8), data(1, "x")), { reset: STREAM_CLOSED }],
  ["5.1.1 a stream of an even number", joined(open, headers(2, get)), { goAway: PROTOCOL_ERROR }],
  ["5.1.1 a stream of a lower number", joined(open, headers(5, get), headers(3, get)), { goAway: STREAM_CLOSED }],
  ["5.1.2 more streams than allowed", joined(open, asking, headers(3, post, false), headers(5, get)), { reset: REFUSED_STREAM }],
  [
    "5.3.1 a stream that depends on itself",
    joined(open, frame([1, 0x25], 1, joined(Uint8Array.of(0, 0, 0, 1, 0), block(...get)))),
    { goAway: PROTOCOL_ERROR },
  ],
  ["5.3 HEADERS with priority", joined(open, frame([1, 0x25], 1, joined(zeros(5), block(...get)))), { status: "200" }],
  ["6.1 DATA on stream 0", joined(open, data(0, "x")), { goAway: PROTOCOL_ERROR }],
  ["6.1 DATA with padding", joined(open, asking, frame([0, 9], 1, joined(Uint8Array.of(3), bytesOf("ab"), zeros(3)))), { status: "200" }],
  ["6.1 DATA with more padding than content", joined(open, asking, frame([0, 9], 1, Uint8Array.of(6, 0, 0))), { goAway: PROTOCOL_ERROR }],
  ["6.1 padded DATA without a length of padding", joined(open, asking, frame([0, 9], 1)), { goAway: FRAME_SIZE_ERROR }],
  ["6.2 HEADERS on stream 0", joined(open, headers(0, get)), { goAway: PROTOCOL_ERROR }],
  ["6.2 HEADERS with padding", joined(open, frame([1, 0x0d], 1, joined(Uint8Array.of(4), block(...get), zeros(4)))), { status: "200" }],
  ["6.2 HEADERS with more padding than content", joined(open, frame([1, 0x0d], 1, Uint8Array.of(200, 0x82))), { goAway: PROTOCOL_ERROR }],
  ["6.2 HEADERS with priority that is cut short", joined(open, frame([1, 0x25], 1, zeros(3))), { goAway: FRAME_SIZE_ERROR }],
  ["6.3 PRIORITY on stream 0", joined(open, frame([2, 0], 0, zeros(5))), { goAway: PROTOCOL_ERROR }],
  ["6.3 PRIORITY of another length", joined(open, asking, frame([2, 0], 1, zeros(4))), { reset: FRAME_SIZE_ERROR }],
  ["6.3 PRIORITY on an idle stream", joined(open, frame([2, 0], 7, zeros(5)), ask), { status: "200" }],
  ["6.4 RST_STREAM on stream 0", joined(open, numberFrame(3, 0, 8)), { goAway: PROTOCOL_ERROR }],
  ["6.4 RST_STREAM of another length", joined(open, asking, frame([3, 0], 1, zeros(3))), { goAway: FRAME_SIZE_ERROR }],
  ["6.5 SETTINGS on a stream", joined(open, frame([4, 0], 1)), { goAway: PROTOCOL_ERROR }],
  ["6.5 SETTINGS in broken pieces", joined(open, frame([4, 0], 0, zeros(5))), { goAway: FRAME_SIZE_ERROR }],
  ["6.5 confirmed SETTINGS with content", joined(open, frame([4, 1], 0, zeros(6))), { goAway: FRAME_SIZE_ERROR }],
  ["6.5.2 ENABLE_PUSH of 2", joined(open, settings([2, 2])), { goAway: PROTOCOL_ERROR }],
  ["6.5.2 INITIAL_WINDOW_SIZE of 2^31", joined(open, settings([4, 0x8000_0000])), { goAway: FLOW_CONTROL_ERROR }],
  ["6.5.2 MAX_FRAME_SIZE below 2^14", joined(open, settings([5, 16_383])), { goAway: PROTOCOL_ERROR }],
  ["6.5.2 MAX_FRAME_SIZE of 2^24", joined(open, settings([5, 0x100_0000])), { goAway: PROTOCOL_ERROR }],
  ["6.5.2 a setting that nobody knows", joined(open, settings([0xff, 1]), ask), { status: "200" }],
  ["6.6 PUSH_PROMISE of a client", joined(open, frame([5, 4], 1, zeros(4))), { goAway: PROTOCOL_ERROR }],
  ["6.7 PING on a stream", joined(open, frame([6, 0], 1, zeros(8))), { goAway: PROTOCOL_ERROR }],
  ["6.7 PING of another length", joined(open, frame([6, 0], 0, zeros(6))), { goAway: FRAME_SIZE_ERROR }],
  ["6.8 GOAWAY on a stream", joined(open, frame([7, 0], 1, zeros(8))), { goAway: PROTOCOL_ERROR }],
  ["6.8 GOAWAY that is cut short", joined(open, frame([7, 0], 0, zeros(7))), { goAway: FRAME_SIZE_ERROR }],
  ["6.9 WINDOW_UPDATE of 0 on the connection", joined(open, numberFrame(8, 0, 0)), { goAway: PROTOCOL_ERROR }],
  ["6.9 WINDOW_UPDATE of 0 on a stream", joined(open, asking, numberFrame(8, 1, 0)), { reset: PROTOCOL_ERROR }],
  ["6.9 WINDOW_UPDATE of another length", joined(open, frame([8, 0], 0, zeros(3))), { goAway: FRAME_SIZE_ERROR }],
  ["6.9.1 the connection's window beyond 2^31-1", joined(open, numberFrame(8, 0, 0x7fff_ffff)), { goAway: FLOW_CONTROL_ERROR }],
  ["6.9.1 a stream's window beyond 2^31-1", joined(open, asking, numberFrame(8, 1, 0x7fff_ffff)), { reset: FLOW_CONTROL_ERROR }],
  [
    "6.9.2 INITIAL_WINDOW_SIZE that overflows a window",
    joined(open, asking, numberFrame(8, 1, 0x7fff_0000 - 65_535), settings([4, 0x7fff_ffff])),
    { goAway: FLOW_CONTROL_ERROR },
  ],
  [
    "6.10 a header block in pieces",
    joined(
      open,
      frame([1, 1], 1, block(...get).subarray(0, 3)),
      frame([9, 0], 1, block(...get).subarray(3, 9)),
      frame([9, 4], 1, block(...get).subarray(9)),
    ),
    { status: "200" },
  ],
  ["6.10 CONTINUATION after a whole block", joined(open, ask, frame([9, 4], 1, block("x", "y"))), { goAway: PROTOCOL_ERROR }],
  ["6.10 CONTINUATION on stream 0", joined(open, frame([9, 4], 0)), { goAway: PROTOCOL_ERROR }],
  ["8.1 trailers that do not end the stream", joined(open, asking, headers(1, ["x", "y"], false)), { reset: PROTOCOL_ERROR }],
  ["8.1 trailers with a pseudo-field", joined(open, asking, headers(1, [":path", "/"])), { reset: PROTOCOL_ERROR }],
  ["8.1 trailers that may not stand there", joined(open, asking, headers(1, ["content-length", "0"])), { reset: PROTOCOL_ERROR }],
  ["8.1 trailers", joined(open, asking, data(1, "ab"), headers(1, ["x-checked", "yes"])), { status: "200" }],
  ["8.2 a name in upper case", joined(open, request("X-Test", "a")), { reset: PROTOCOL_ERROR }],
  ["8.2.1 a name that is no token", joined(open, request("a b", "a")), { reset: PROTOCOL_ERROR }],
  ["8.2.1 an empty name", joined(open, request("", "a")), { reset: PROTOCOL_ERROR }],
  ["8.2.1 a value with a line feed", joined(open, request("a", "b\nc")), { reset: PROTOCOL_ERROR }],
  ["8.2.1 a value with NUL", joined(open, request("a", "b\0c")), { reset: PROTOCOL_ERROR }],
  ["8.2.1 a value with white space at its end", joined(open, request("a", "b ")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 connection", joined(open, request("connection", "keep-alive")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 transfer-encoding", joined(open, request("transfer-encoding", "chunked")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 upgrade", joined(open, request("upgrade", "websocket")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 keep-alive", joined(open, request("keep-alive", "1")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 proxy-connection", joined(open, request("proxy-connection", "close")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 te that is not trailers", joined(open, request("te", "gzip")), { reset: PROTOCOL_ERROR }],
  ["8.2.2 te: trailers", joined(open, request("te", "trailers")), { status: "200" }],
  ["8.3 a pseudo-field that nobody knows", joined(open, pseudo({ ":test": "a" })), { reset: PROTOCOL_ERROR }],
  ["8.3 a pseudo-field of answers", joined(open, pseudo({ ":status": "200" })), { reset: PROTOCOL_ERROR }],
  ["8.3 a pseudo-field after others", joined(open, headers(1, ["a", "b", ...get])), { reset: PROTOCOL_ERROR }],
  ["8.3 a pseudo-field twice", joined(open, headers(1, [...get, ":path", "/"])), { reset: PROTOCOL_ERROR }],
  ["8.3.1 no :method", joined(open, pseudo({ ":method": undefined })), { reset: PROTOCOL_ERROR }],
  ["8.3.1 a :method that is no token", joined(open, pseudo({ ":method": "G T" })), { reset: PROTOCOL_ERROR }],
  ["8.3.1 no :scheme", joined(open, pseudo({ ":scheme": undefined })), { reset: PROTOCOL_ERROR }],
  ["8.3.1 no :path", joined(open, pseudo({ ":path": undefined })), { reset: PROTOCOL_ERROR }],
  ["8.3.1 an empty :path", joined(open, pseudo({ ":path": "" })), { reset: PROTOCOL_ERROR }],
  ["8.3.1 neither :authority nor host", joined(open, pseudo({ ":authority": undefined })), { reset: PROTOCOL_ERROR }],
  ["8.3.1 host instead of :authority", joined(open, pseudo({ ":authority": undefined, host: "a.example" })), { status: "200" }],
  ["8.3.1 host that is another than :authority", joined(open, request("host", "b.example")), { reset: PROTOCOL_ERROR }],
  ["8.3.1 an :authority with user information", joined(open, pseudo({ ":authority": "me@a.example" })), { status: "400" }],
  ["8.3.1 a :path with dot segments", joined(open, pseudo({ ":path": "/a/../b" })), { status: "400" }],
  [
    "8.1.1 content-length longer than DATA",
    joined(open, headers(1, [...post, "content-length", "2"], false), data(1, "a", true)),
    { reset: PROTOCOL_ERROR },
  ],
  [
    "8.1.1 content-length shorter than DATA",
    joined(open, headers(1, [...post, "content-length", "1"], false), data(1, "ab", true)),
    { reset: PROTOCOL_ERROR },
  ],
  ["8.1.1 content-length without DATA", joined(open, headers(1, [...post, "content-length", "1"])), { reset: PROTOCOL_ERROR }],
  ["8.1.1 content-length that is no number", joined(open, request("content-length", "+1")), { reset: PROTOCOL_ERROR }],
  [
    "8.1.1 content-length that is another the second time",
    joined(open, request("content-length", "0", "content-length", "1")),
    { reset: PROTOCOL_ERROR },
  ],
  [
    "8.1.1 content-length beyond what bodies may have",
    joined(open, headers(1, [...post, "content-length", "99999999999"], false)),
    { status: "413" },
  ],
  ["8.5 CONNECT", joined(open, headers(1, [":method", "CONNECT", ":authority", "a.example:443"])), { status: "501" }],
  ["8.5 CONNECT with a path", joined(open, pseudo({ ":method": "CONNECT" })), { reset: PROTOCOL_ERROR }],
  ["RFC 8441 :protocol without CONNECT", joined(open, pseudo({ ":protocol": "websocket" })), { reset: PROTOCOL_ERROR }],
  ["a header list that is too long", joined(open, request("a", "x".repeat(9000), "b", "y".repeat(7200))), { status: "431" }],
  ["more fields than allowed", joined(open, request(...Array.from({ length: 240 }, (_, index) => `x${index}`))), { status: "431" }],
  ["an expectation that nobody knows", joined(open, request("expect", "miracles")), { status: "417" }],
];

const handler: HttpHandler = async (request) => {
  await readBody(request.body, 1e6);
  return { status: 200, headers: [] };
};

for (const [name, bytes, expected] of cases) {
  test(`a server answers ${name} as RFC 9113 demands, however its bytes are cut`, async () => {
    for (const cut of [bytes.length, 1]) {
      const { connection, output, frames } = http2Conversation(handler, { http2: { streamsMax: 2 } });
      for (let at = 0; at < bytes.length; at += cut) connection.receive(bytes.subarray(at, at + cut));
      await turn();
      const seen = frames();
      const goAway = seen.find((one) => one.type === 7);
      const reset = seen.find((one) => one.type === 3);
      const status = seen.find((one) => one.type === 1)?.fields[0];
      if ("goAway" in expected) {
        assert.equal(goAway?.number, expected.goAway);
        assert.ok(output.ended);
      } else {
        assert.equal(goAway, undefined);
        if ("reset" in expected) assert.equal(reset?.number, expected.reset);
        else assert.equal(status, `:status: ${expected.status}`);
      }
      connection.closed();
    }
  });
}
