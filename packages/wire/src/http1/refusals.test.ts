import assert from "node:assert/strict";
import { test } from "node:test";
import { wireReasons } from "../reasons.ts";
import { bytesOf, outcomeOf } from "../testing/conversation.ts";
import type { ServerOptions } from "../options.ts";

interface Refusal {
  readonly name: string;
  readonly bytes: string;
  readonly reason: keyof typeof wireReasons;
  readonly options?: ServerOptions & { readonly end?: boolean };
}

const get = "GET / HTTP/1.1\r\nHost: a\r\n";
const post = "POST / HTTP/1.1\r\nHost: a\r\n";
const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;
const small = {
  limits: { headBytesMax: 200, targetBytesMax: 50, headerCountMax: 5, bodyBytesMax: 20, trailerBytesMax: 40, chunkExtensionBytesMax: 8 },
};

function line(first: string): string {
  return `${first}\r\nHost: a\r\n\r\n`;
}

const refusals: readonly Refusal[] = [
  { name: "HTTP/0.9 with a bare LF and headers behind it", bytes: "GET /x\nContent-Length: 5\r\n\r\nhello", reason: "LINE_FEED_BARE" },
  { name: "HTTP/0.9 with CR LF", bytes: "GET /x\r\n\r\n", reason: "REQUEST_LINE_INVALID" },
  { name: "bare LF after the request line", bytes: "GET / HTTP/1.1\nHost: a\r\n\r\n", reason: "LINE_FEED_BARE" },
  { name: "bare LF after a header", bytes: "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", reason: "LINE_FEED_BARE" },
  { name: "bare LF in a header name", bytes: "GET / HTTP/1.1\r\nHo\nst: a\r\n\r\n", reason: "LINE_FEED_BARE" },
  { name: "head that ends in bare LFs", bytes: "GET / HTTP/1.1\r\nHost: a\r\n\n", reason: "LINE_FEED_BARE" },
  { name: "bare CR in a value", bytes: "GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", reason: "CARRIAGE_RETURN_BARE" },
  { name: "bare CR in the request line", bytes: "GET /\rx HTTP/1.1\r\nHost: a\r\n\r\n", reason: "CARRIAGE_RETURN_BARE" },
  { name: "CR CR LF at the end of a line", bytes: "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", reason: "CARRIAGE_RETURN_BARE" },
  { name: "NUL in a value", bytes: `${get}X: a\0b\r\n\r\n`, reason: "CONTROL_CHARACTER" },
  { name: "NUL in a name", bytes: `${get}X\0: b\r\n\r\n`, reason: "CONTROL_CHARACTER" },
  { name: "DEL in a value", bytes: `${get}X: a\x7fb\r\n\r\n`, reason: "CONTROL_CHARACTER" },
  { name: "vertical tab in a value", bytes: `${get}X: \x0bchunked\r\n\r\n`, reason: "CONTROL_CHARACTER" },
  { name: "control character in the target", bytes: line("GET /\x01 HTTP/1.1"), reason: "CONTROL_CHARACTER" },
  { name: "control character in the method", bytes: line("G\x02T / HTTP/1.1"), reason: "CONTROL_CHARACTER" },
  { name: "TLS on a plain port", bytes: "\x16\x03\x01\x02\x00\x01\x00", reason: "CONTROL_CHARACTER" },
  { name: "folded header", bytes: `${get}X: a\r\n b\r\n\r\n`, reason: "HEADER_FOLDED" },
  { name: "folded header with a tab", bytes: `${get}X: a\r\n\tb: c\r\n\r\n`, reason: "HEADER_FOLDED" },
  { name: "white space before the first header", bytes: "GET / HTTP/1.1\r\n Host: a\r\n\r\n", reason: "HEADER_FOLDED" },
  { name: "space before the colon", bytes: "GET / HTTP/1.1\r\nHost : a\r\n\r\n", reason: "HEADER_NAME_INVALID" },
  { name: "tab before the colon", bytes: `${get}Content-Length\t: 5\r\n\r\n`, reason: "HEADER_NAME_INVALID" },
  { name: "space in a name", bytes: `${get}X Y: 1\r\n\r\n`, reason: "HEADER_NAME_INVALID" },
  { name: "empty name", bytes: `${get}: 1\r\n\r\n`, reason: "HEADER_NAME_INVALID" },
  { name: "line without a colon", bytes: `${get}nonsense\r\n\r\n`, reason: "HEADER_NAME_INVALID" },
  { name: "separator in a name", bytes: `${get}X(y): 1\r\n\r\n`, reason: "HEADER_NAME_INVALID" },
  { name: "byte over 0x7f in a name", bytes: `${get}X\xe9: 1\r\n\r\n`, reason: "HEADER_NAME_INVALID" },
  { name: "no Host", bytes: "GET / HTTP/1.1\r\nX: a\r\n\r\n", reason: "HOST_MISSING" },
  { name: "two equal Hosts", bytes: `${get}Host: a\r\n\r\n`, reason: "HOST_REPEATED" },
  { name: "two different Hosts", bytes: `${get}hOsT: b\r\n\r\n`, reason: "HOST_REPEATED" },
  { name: "empty Host", bytes: "GET / HTTP/1.1\r\nHost:\r\n\r\n", reason: "HOST_INVALID" },
  { name: "Host with a path", bytes: "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", reason: "HOST_INVALID" },
  { name: "Host with user information", bytes: "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", reason: "HOST_INVALID" },
  { name: "Host with two values", bytes: "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", reason: "HOST_INVALID" },
  { name: "Host with a port that is none", bytes: "GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n", reason: "HOST_INVALID" },
  {
    name: "Content-Length with Transfer-Encoding",
    bytes: `${post}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    reason: "FRAMING_AMBIGUOUS",
  },
  {
    name: "Transfer-Encoding with Content-Length",
    bytes: `${post}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n`,
    reason: "FRAMING_AMBIGUOUS",
  },
  {
    name: "two Transfer-Encodings",
    bytes: `${post}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    reason: "FRAMING_AMBIGUOUS",
  },
  {
    name: "chunked on HTTP/1.0",
    bytes: "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    reason: "FRAMING_AMBIGUOUS",
  },
  {
    name: "two equal Content-Lengths",
    bytes: `${post}Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello`,
    reason: "CONTENT_LENGTH_REPEATED",
  },
  {
    name: "two different Content-Lengths",
    bytes: `${post}Content-Length: 5\r\ncontent-length: 6\r\n\r\nhello`,
    reason: "CONTENT_LENGTH_REPEATED",
  },
  ...["+5", "-5", "5, 5", "5,6", "0x5", "5 5", "5a", "", "1e1", "99999999999999999999", "5.0", "\xb2"].map((value): Refusal => {
    return {
      name: `Content-Length ${JSON.stringify(value)}`,
      bytes: `${post}Content-Length: ${value}\r\n\r\nhello`,
      reason: "CONTENT_LENGTH_INVALID",
    };
  }),
  ...["gzip", "chunked, gzip", "gzip, chunked", "chunked, chunked", "chunked;q=1", '"chunked"', "xchunked", "identity", "chunked,"].map(
    (value): Refusal => {
      return {
        name: `Transfer-Encoding ${value}`,
        bytes: `${post}Transfer-Encoding: ${value}\r\n\r\n0\r\n\r\n`,
        reason: "TRANSFER_CODING_UNKNOWN",
      };
    },
  ),
  { name: "version 2.0", bytes: "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", reason: "VERSION_UNSUPPORTED" },
  { name: "version 1.2", bytes: line("GET / HTTP/1.2"), reason: "VERSION_UNSUPPORTED" },
  { name: "version 0.9", bytes: line("GET / HTTP/0.9"), reason: "VERSION_UNSUPPORTED" },
  { name: "version in lower case", bytes: line("GET / http/1.1"), reason: "REQUEST_LINE_INVALID" },
  { name: "version with a blank behind", bytes: line("GET / HTTP/1.1 "), reason: "REQUEST_LINE_INVALID" },
  { name: "no target", bytes: line("GET HTTP/1.1"), reason: "REQUEST_LINE_INVALID" },
  { name: "two spaces before the target", bytes: line("GET  / HTTP/1.1"), reason: "REQUEST_LINE_INVALID" },
  { name: "two spaces before the version", bytes: line("GET /  HTTP/1.1"), reason: "REQUEST_LINE_INVALID" },
  { name: "space in the target", bytes: line("GET /a b HTTP/1.1"), reason: "REQUEST_LINE_INVALID" },
  { name: "tab instead of space", bytes: line("GET\t/ HTTP/1.1"), reason: "METHOD_INVALID" },
  { name: "two empty lines first", bytes: `\r\n\r\n${get}\r\n`, reason: "REQUEST_LINE_INVALID" },
  { name: "method that is no token", bytes: line("GE(T / HTTP/1.1"), reason: "METHOD_INVALID" },
  { name: "method that is too long", bytes: line(`${"A".repeat(40)} / HTTP/1.1`), reason: "METHOD_INVALID" },
  { name: "CONNECT", bytes: "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", reason: "CONNECT_UNSUPPORTED" },
  ...[
    "a",
    "*",
    "http:/a/b",
    "ftp://a/b",
    "/a#b",
    "/?a#b",
    "/%",
    "/%4",
    "/%zz",
    "/%00",
    "/%0d%0a",
    "/%7f",
    '/a"b',
    "/<a>",
    "/a^b",
    "/a`b",
    "/{a}",
    "/\xe4",
    "/?\xe4",
  ].map((target): Refusal => {
    return { name: `target ${target}`, bytes: line(`GET ${target} HTTP/1.1`), reason: "TARGET_INVALID" };
  }),
  ...[
    "//a/b",
    "/a/../b",
    "/..",
    "/.",
    "/a/./b",
    "/%2e%2e/b",
    "/a/.%2E/b",
    "/a%2fb",
    "/a%2F..%2fb",
    "/a%5Cb",
    "/a\\b",
    "/a/..;x=1/b",
    "http://b/c",
    "http://u@a/c",
    "http://a:81/c",
  ].map((target): Refusal => {
    return { name: `target ${target}`, bytes: line(`GET ${target} HTTP/1.1`), reason: "TARGET_AMBIGUOUS" };
  }),
  { name: "target beyond its bound", bytes: line(`GET /${"a".repeat(60)} HTTP/1.1`), reason: "TARGET_TOO_LONG", options: small },
  { name: "head beyond its bound", bytes: `${get}X: ${"a".repeat(300)}\r\n\r\n`, reason: "HEAD_TOO_LARGE", options: small },
  { name: "request line beyond the head's bound", bytes: `GET /${"a".repeat(300)}`, reason: "HEAD_TOO_LARGE", options: small },
  { name: "too many headers", bytes: `${get}${"X: 1\r\n".repeat(6)}\r\n`, reason: "HEADERS_TOO_MANY", options: small },
  { name: "body announced beyond its bound", bytes: `${post}Content-Length: 21\r\n\r\n`, reason: "BODY_TOO_LARGE", options: small },
  { name: "chunks beyond the body's bound", bytes: `${chunked}f\r\n${"a".repeat(15)}\r\n6\r\n`, reason: "BODY_TOO_LARGE", options: small },
  { name: "unknown expectation", bytes: `${post}Expect: tea\r\n\r\n`, reason: "EXPECTATION_UNKNOWN" },
  ...[
    "x\r\n",
    "\r\n",
    " 5\r\nhello\r\n",
    "5 \r\nhello\r\n",
    "-1\r\n",
    "0x5\r\nhello\r\n",
    "5\nhello\n",
    "5\r\nhelloX",
    "5\r\nhello\n",
    "5\r\nhello\rX",
    "1234567890123\r\n",
    "5;a\x01b\r\n",
    "5\rX",
  ].map((chunk): Refusal => {
    return { name: `chunk ${JSON.stringify(chunk)}`, bytes: chunked + chunk, reason: "CHUNK_INVALID" };
  }),
  { name: "chunk extension beyond its bound", bytes: `${chunked}1;aaaaaaaaa`, reason: "CHUNK_INVALID", options: small },
  ...["X\r\n\r\n", "X : 1\r\n\r\n", ": 1\r\n\r\n", " X: 1\r\n\r\n", "X: 1\n", "X: 1\rY", "X: \x01\r\n\r\n", "X: 1\r\n Y: 2\r\n\r\n"].map(
    (trailer): Refusal => {
      return { name: `trailer ${JSON.stringify(trailer)}`, bytes: `${chunked}0\r\n${trailer}`, reason: "TRAILER_INVALID" };
    },
  ),
  ...["Content-Length", "Transfer-Encoding", "Host", "Authorization", "Set-Cookie", "Content-Type", "Connection", "Trailer"].map(
    (name): Refusal => {
      return { name: `trailer ${name}`, bytes: `${chunked}0\r\n${name}: 1\r\n\r\n`, reason: "TRAILER_FORBIDDEN" };
    },
  ),
  {
    name: "trailers beyond their bound",
    bytes: `${chunked}0\r\nX: ${"a".repeat(50)}\r\n\r\n`,
    reason: "TRAILERS_TOO_LARGE",
    options: small,
  },
  { name: "end in the middle of a body", bytes: `${post}Content-Length: 5\r\n\r\nhel`, reason: "BODY_TRUNCATED", options: { end: true } },
  { name: "end in the middle of a chunk", bytes: `${chunked}5\r\nhel`, reason: "BODY_TRUNCATED", options: { end: true } },
];

for (const { name, bytes, reason, options } of refusals) {
  test(`connection refuses with ${reason}: ${name}`, async () => {
    const whole = bytesOf(bytes);
    const outcome = await outcomeOf([whole], options);
    const { status, code } = wireReasons[reason];
    assert.match(outcome.answer, new RegExp(`^HTTP/1\\.1 ${status} [^]*\\r\\nconnection: close\\r\\n\\r\\n\\{[^]*\\}$`));
    const body = JSON.parse(outcome.answer.slice(outcome.answer.indexOf("\r\n\r\n") + 4)) as {
      code: string;
      reason: string;
      message: string;
    };
    assert.equal(body.reason, reason);
    assert.equal(body.code, code.toLowerCase());
    assert.match(body.message, /^expected /);
    assert.equal(outcome.ended, true);
    assert.equal(
      outcome.requests.filter((request) => !request.includes("failed:") && request !== "").length,
      0,
      "no handler may take it for whole",
    );
    const refused = await outcomeOf(
      [...whole].map((byte) => Uint8Array.of(byte)),
      options,
    );
    assert.equal(refused.answer, outcome.answer, "byte by byte");
  });
}
