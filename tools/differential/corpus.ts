import { framingCases } from "./corpus-framing.ts";
import { headCases } from "./corpus-heads.ts";
import type { CasePart, RequestCase } from "./request-case.ts";
import { familyOf, hidden, seen } from "./request-case.ts";

/** The whole corpus, in an order that stays: families of ambiguous requests, each spelled in every way that is known to divide servers. */
export function corpus(): RequestCase[] {
  return [...framingCases(), ...headCases(), ...hopCases(), ...bodyCases(), ...pairCases()];
}

const get = (target: string, more: string = ""): string => `GET ${target} HTTP/1.1\r\nHost: a\r\n${more}\r\n`;
const post = (target: string, body: string, more: string = ""): string =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\n${more}Content-Length: ${body.length}\r\n\r\n${body}`;
const chunked = (target: string, chunks: string): string =>
  `POST ${target} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${chunks}`;

function hopCases(): RequestCase[] {
  const named = [
    "content-length",
    "Content-Length, close",
    "transfer-encoding",
    "host",
    "x-request-id",
    "forwarded",
    "via",
    "connection",
    "close, close",
    "upgrade",
  ];
  const asks = ["100-continue", "100-Continue", "100-continue, x", "x", "", "100-continue\r\nExpect: 100-continue"];
  const upgrades = ["websocket", "h2c", "TLS/1.0", "x, y", "", "HTTP/2.0"];
  return [
    ...familyOf(
      "connection",
      named.flatMap((value): CasePart[] => [
        {
          name: value,
          bytes: `POST /p HTTP/1.1\r\nHost: a\r\nConnection: ${value}\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
          expect: "any",
        },
        {
          name: `${value}, chunked`,
          bytes: `POST /p HTTP/1.1\r\nHost: a\r\nConnection: ${value}\r\nTransfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
          expect: "any",
        },
      ]),
    ),
    ...familyOf(
      "expect",
      asks.map((value) => ({ name: value, bytes: post("/p", hidden, `Expect: ${value}\r\n`), expect: "any" as const })),
    ),
    ...familyOf(
      "upgrade",
      upgrades.flatMap((value): CasePart[] => [
        { name: value, bytes: get("/p", `Connection: Upgrade\r\nUpgrade: ${value}\r\n`), expect: "any" },
        { name: `${value}, with a body`, bytes: post("/p", hidden, `Connection: Upgrade\r\nUpgrade: ${value}\r\n`), expect: "any" },
        {
          name: `${value}, not named in Connection`,
          bytes: post("/p", hidden, `Upgrade: ${value}\r\n`),
          expect: [seen("POST", "/p", hidden)],
        },
      ]),
    ),
  ];
}

function bodyCases(): RequestCase[] {
  const methods = ["GET", "HEAD", "DELETE", "OPTIONS", "PUT", "PATCH", "TRACE"];
  return familyOf(
    "bodies",
    methods.flatMap((method): CasePart[] => [
      {
        name: `${method} with a length`,
        bytes: `${method} /p HTTP/1.1\r\nHost: a\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
        expect: method === "TRACE" ? "any" : [seen(method, "/p", hidden)],
      },
      {
        name: `${method} in chunks`,
        bytes: `${method} /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`,
        expect: method === "TRACE" ? "any" : [seen(method, "/p", hidden)],
      },
      { name: `${method}, shorter than said`, bytes: `${method} /p HTTP/1.1\r\nHost: a\r\nContent-Length: 500\r\n\r\n${hidden}` },
    ]),
  );
}

function pairCases(): RequestCase[] {
  const second = get("/2");
  const two = seen("GET", "/2");
  const pairs: readonly (readonly [string, string, RequestCase["expect"]])[] = [
    ["two GETs", get("/1") + second, [seen("GET", "/1"), two]],
    ["five GETs", [1, 2, 3, 4, 5].map((index) => get(`/${index}`)).join(""), [1, 2, 3, 4, 5].map((index) => seen("GET", `/${index}`))],
    ["POST and GET", post("/1", "hello") + second, [seen("POST", "/1", "hello"), two]],
    ["an empty POST and GET", post("/1", "") + second, [seen("POST", "/1"), two]],
    ["POST in chunks and GET", chunked("/1", "5\r\nhello\r\n0\r\n\r\n") + second, [seen("POST", "/1", "hello"), two]],
    ["empty chunks and GET", chunked("/1", "0\r\n\r\n") + second, [seen("POST", "/1"), two]],
    ["POST with trailers and GET", chunked("/1", "5\r\nhello\r\n0\r\nX: y\r\n\r\n") + second, [seen("POST", "/1", "hello"), two]],
    ["a request in a body and GET", post("/1", hidden) + second, [seen("POST", "/1", hidden), two]],
    [
      "a request in a chunk and GET",
      chunked("/1", `${hidden.length.toString(16)}\r\n${hidden}\r\n0\r\n\r\n`) + second,
      [seen("POST", "/1", hidden), two],
    ],
    ["HEAD and GET", `HEAD /1 HTTP/1.1\r\nHost: a\r\n\r\n${second}`, [seen("HEAD", "/1"), two]],
    ["GET with a body and GET", `GET /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${second}`, [seen("GET", "/1", "hello"), two]],
    ["an empty line between", `${get("/1")}\r\n${second}`, [seen("GET", "/1"), two]],
    ["an empty line behind a body", `${post("/1", "hello")}\r\n${second}`, [seen("POST", "/1", "hello"), two]],
    ["rubbish between", `${get("/1")}rubbish\r\n${hidden}`, [seen("GET", "/1")]],
    ["close and a request behind it", get("/1", "Connection: close\r\n") + hidden, [seen("GET", "/1")]],
    ["a bad request behind a good one", `${get("/1")}GET /2 HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n${hidden}`, [seen("GET", "/1")]],
    [
      "a bad length behind a good request",
      `${get("/1")}POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello${hidden}`,
      [seen("GET", "/1")],
    ],
    ["a bad request before a good one", `GET /1 HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n${hidden}`, "refused"],
    ["POST, its body one byte too long", `${post("/1", "hello")}@${hidden}`, [seen("POST", "/1", "hello")]],
    ["POST, its body one byte too short", `POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nhello${second}`, "any"],
    ["HTTP/1.0 behind HTTP/1.1", `${get("/1")}GET /2 HTTP/1.0\r\n\r\n`, [seen("GET", "/1"), two]],
    [
      "an expectation, its body at once, and GET",
      post("/1", "hello", "Expect: 100-continue\r\n") + second,
      [seen("POST", "/1", "hello"), two],
    ],
    ["an upgrade that nobody grants, and GET", get("/1", "Connection: Upgrade\r\nUpgrade: x\r\n") + second, "any"],
  ];
  return familyOf(
    "pairs",
    pairs.map(([name, bytes, expect]) => ({ name, bytes, expect })),
  );
}
