import type { CasePart, RequestCase } from "./request-case.ts";
import { familyOf, hidden, marker, seen, visible } from "./request-case.ts";

const one = [seen("GET", "/p")];

/** Every way in which a head can be cut, named or addressed wrong. */
export function headCases(): RequestCase[] {
  return [...lineEndCases(), ...nameCases(), ...valueCases(), ...lineCases(), ...targetCases(), ...hostCases(), ...limitCases()];
}

function lineEndCases(): RequestCase[] {
  const cases: readonly (readonly [string, string, RequestCase["expect"]])[] = [
    ["LF everywhere", "GET /p HTTP/1.1\nHost: a\n\n", "refused"],
    ["LF behind the request line", "GET /p HTTP/1.1\nHost: a\r\n\r\n", "refused"],
    ["LF behind a field", "GET /p HTTP/1.1\r\nHost: a\nX: y\r\n\r\n", "refused"],
    ["LF as the empty line", `POST /p HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\n${hidden}`, "refused"],
    ["CR behind the request line", "GET /p HTTP/1.1\rHost: a\r\n\r\n", "refused"],
    ["CR behind a field", `GET /p HTTP/1.1\r\nHost: a\rX: y\r\n\r\n`, "refused"],
    ["CR as the empty line", `GET /p HTTP/1.1\r\nHost: a\r\n\r${hidden}`, "refused"],
    ["CR CR LF", "GET /p HTTP/1.1\r\r\nHost: a\r\r\n\r\r\n", "refused"],
    ["LF CR", "GET /p HTTP/1.1\n\rHost: a\n\r\n\r", "refused"],
    ["an empty line before", "\r\nGET /p HTTP/1.1\r\nHost: a\r\n\r\n", one],
    ["five empty lines before", `${"\r\n".repeat(5)}GET /p HTTP/1.1\r\nHost: a\r\n\r\n`, "any"],
    ["LF before", "\nGET /p HTTP/1.1\r\nHost: a\r\n\r\n", "any"],
    ["CR before", "\rGET /p HTTP/1.1\r\nHost: a\r\n\r\n", "refused"],
    ["a blank line before", " \r\nGET /p HTTP/1.1\r\nHost: a\r\n\r\n", "refused"],
    ["NUL before", "\0GET /p HTTP/1.1\r\nHost: a\r\n\r\n", "refused"],
    ["a byte order mark before", "\xef\xbb\xbfGET /p HTTP/1.1\r\nHost: a\r\n\r\n", "refused"],
    ["no end", "GET /p HTTP/1.1\r\nHost: a\r\n", "refused"],
    ["nothing behind the request line", "GET /p HTTP/1.1\r\n", "refused"],
  ];
  return familyOf(
    "line ends",
    cases.map(([name, bytes, expect]) => ({ name, bytes, expect })),
  );
}

function nameCases(): RequestCase[] {
  const lines = [
    "X : 1",
    "X	: 1",
    " X: 1",
    "	X: 1",
    "X Y: 1",
    ": 1",
    " : 1",
    "X",
    "X\0: 1",
    "\0X: 1",
    "X: 1",
    "X: 1",
    "Xé: 1",
    "X(: 1",
    "X): 1",
    "X,: 1",
    "X/: 1",
    "X;: 1",
    "X<: 1",
    "X=: 1",
    "X>: 1",
    "X?: 1",
    "X@: 1",
    "X[: 1",
    "X\\: 1",
    "X]: 1",
    "X{: 1",
    "X}: 1",
    'X": 1',
    "X: 1",
    "X\r: 1",
    "\r: 1",
  ];
  const fine = ["!#$%&'*+-.^_`|~9: 1", "constructor: 1", "__proto__: 1", "x:1", "X: : 1"];
  return familyOf("field names", [
    ...lines.map((line) => ({ name: visible(line), bytes: `GET /p HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n` })),
    ...lines.slice(0, 6).map((line) => ({ name: `first ${visible(line)}`, bytes: `GET /p HTTP/1.1\r\n${line}\r\nHost: a\r\n\r\n` })),
    ...fine.map((line) => ({ name: visible(line), bytes: `GET /p HTTP/1.1\r\nHost: a\r\n${line}\r\n\r\n`, expect: one })),
  ]);
}

function valueCases(): RequestCase[] {
  const bad = [
    "a\0b",
    "\0",
    "a\x01b",
    "a\x08b",
    "a\x0bb",
    "a\x0cb",
    "a\x1fb",
    "a\x7fb",
    "a\rb",
    "a\nb",
    "a\r\n b",
    "a\r\n\tb",
    "\r\n b",
    "a\r\n ",
  ];
  const fine = ["", " ", "a\tb", "a  b", "\xe9", "\x80\xff", "\xef\xbb\xbfa", "%0d%0a", "a:b", '"a'];
  return familyOf("field values", [
    ...bad.map((value) => ({ name: visible(value), bytes: `GET /p HTTP/1.1\r\nHost: a\r\nX: ${value}\r\nY: 1\r\n\r\n` })),
    { name: "an empty line", bytes: "GET /p HTTP/1.1\r\nHost: a\r\nX: a\r\n\r\n b\r\nY: 1\r\n\r\n", expect: one },
    ...fine.map((value) => ({ name: visible(value), bytes: `GET /p HTTP/1.1\r\nHost: a\r\nX: ${value}\r\nY: 1\r\n\r\n`, expect: one })),
  ]);
}

function lineCases(): RequestCase[] {
  const lines = [
    "GET  /p HTTP/1.1",
    "GET /p  HTTP/1.1",
    " GET /p HTTP/1.1",
    "GET /p HTTP/1.1 ",
    "GET	/p HTTP/1.1",
    "GET /p	HTTP/1.1",
    "GET /p",
    "GET /p ",
    "GET",
    "/p HTTP/1.1",
    "GET HTTP/1.1",
    "GET /p HTTP/1.1x",
    "GET /p http/1.1",
    "GET /p Http/1.1",
    "GET /p HTTP/1.",
    "GET /p HTTP/1",
    "GET /p HTTP/.1",
    "GET /p HTTP/1.10",
    "GET /p HTTP/01.1",
    "GET /p HTTP/1.01",
    "GET /p HTTP/0.9",
    "GET /p HTTP/2.0",
    "GET /p HTTP/2",
    "GET /p HTTP/3.0",
    "GET /p HTTP/9.9",
    "GET /p HTTP 1.1",
    "GET /p HTTP/1,1",
    "GET /p HTTP/1.1 HTTP/1.1",
    "GET /p /q HTTP/1.1",
    "GET /p HTTP/-1.1",
    "GET /p HTTP/1.-1",
    "GET /p HTPP/1.1",
    "G\0T /p HTTP/1.1",
    "G(T /p HTTP/1.1",
    "G:T /p HTTP/1.1",
    "GéT /p HTTP/1.1",
    '"GET" /p HTTP/1.1',
    "GET\0 /p HTTP/1.1",
    "GET /p\0 HTTP/1.1",
    "GET\v/p\vHTTP/1.1",
    "PRI * HTTP/2.0",
    "CONNECT /p HTTP/1.1",
  ];
  const methods = ["get", "Get", "FOO", "M-SEARCH", "!#$%&'*+-.^_`|~9", "PATCH", "DELETE", "PUT", "PROPFIND"];
  const old = [
    `GET /${marker}\r\n`,
    `GET /${marker}\n`,
    `POST /${marker}\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello`,
    `GET /${marker} \r\n\r\n`,
  ];
  return familyOf("request line", [
    ...lines.map((line) => ({ name: visible(line), bytes: `${line}\r\nHost: a\r\n\r\n` })),
    ...methods.map((method): CasePart => ({ name: method, bytes: `${method} /p HTTP/1.1\r\nHost: a\r\n\r\n`, expect: "any" })),
    { name: "HTTP/1.2", bytes: "GET /p HTTP/1.2\r\nHost: a\r\n\r\n", expect: "any" },
    ...old.map((bytes) => ({ name: `HTTP/0.9 ${visible(bytes)}`, bytes })),
    { name: "HTTP/1.0", bytes: "GET /p HTTP/1.0\r\n\r\n", expect: one },
    { name: "HTTP/1.0, kept", bytes: "GET /p HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /2 HTTP/1.0\r\n\r\n", expect: "any" },
    { name: "HTTP/1.0, not kept", bytes: `GET /p HTTP/1.0\r\n\r\n${hidden}`, expect: one },
  ]);
}

const badTargets = [
  "/a	b",
  "/a\0b",
  "/ab",
  "/ab",
  "/ÿ",
  "/Ã©",
  "/a#b",
  "#",
  "foo",
  "*",
  "//",
  "?x",
  "http:/x",
  "http://",
  "http:///x",
  "ftp://a/p",
  "http://a:b/",
  "http://a:99999/",
  "http://u@a/p",
  "http://u:p@a/p",
  "http://a b/",
  "http://[::1/",
  "a:80",
  "a",
  "mailto:a",
  "://a/p",
  "http//a/p",
];
const openTargets = [
  "/%",
  "/%2",
  "/%zz",
  "/%00",
  "/%0a",
  "/%0d%0aX:%20y",
  "/%2e%2e/p",
  "/..",
  "/../p",
  "/./p",
  "/a/../../b",
  "/a//b",
  "//a/p",
  "/a;b=c",
  "/%2f",
  "/%5c",
  "/\\",
  "/a\\..\\b",
  "/a|b",
  "/{a}",
  "/^",
  "/`",
  '/"',
  "/<>",
  "/a?b?c",
  "/?",
  "/?a=%",
  "/?a=<b>",
  "/a?b#c",
  "/%E2%80%AE",
  "/.%2e/p",
  "/%252e%252e/p",
  "/a/.",
  "/a/..;/b",
  "http://a/p",
  "HTTP://A/p",
  "http://a:80/p",
  "http://a",
  "http://a?x",
  "https://a/p",
  "http://b/p",
  "http://a./p",
  "http://a%2eb/p",
];

function targetCases(): RequestCase[] {
  const other: readonly (readonly [string, string])[] = [
    ["CONNECT a:80", "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n"],
    ["CONNECT with a body", `CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\nContent-Length: 5\r\n\r\nhello`],
    ["OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"],
    ["OPTIONS http://a", "OPTIONS http://a HTTP/1.1\r\nHost: a\r\n\r\n"],
  ];
  return familyOf("target", [
    ...badTargets.map((target) => ({ name: visible(target), bytes: `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n` })),
    ...openTargets.map((target) => ({ name: visible(target), bytes: `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, expect: "any" as const })),
    ...other.map(([name, bytes]) => ({ name, bytes, expect: "any" as const })),
  ]);
}

function hostCases(): RequestCase[] {
  const bad = [
    "a b",
    "a, b",
    "a,b",
    "a/b",
    "a?b",
    "a#b",
    "a@b",
    "u:p@a",
    "a\tb",
    "a\0",
    "a:b",
    "a:99999",
    "a:-1",
    "a:80:80",
    "[::1",
    "::1",
    "a\\b",
    "<a>",
    "http://a",
    "a\x7f",
    "a%00",
  ];
  const open = ["", "a_b", "\xe9", "a%20b", "a.", ".", "[::1]", "[::1]:80", "127.0.0.1", "a:", "a:080", ":80", "*", "a;b", "A"];
  return familyOf("host", [
    { name: "none", bytes: "GET /p HTTP/1.1\r\n\r\n" },
    { name: "twice the same", bytes: "GET /p HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
    { name: "two", bytes: "GET /p HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" },
    { name: "two, others between", bytes: "GET /p HTTP/1.1\r\nHost: a\r\nX: y\r\nhOST: b\r\n\r\n" },
    { name: "two in HTTP/1.0", bytes: "GET /p HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n" },
    { name: "folded", bytes: "GET /p HTTP/1.1\r\nHost: a\r\n b\r\n\r\n" },
    { name: "with a blank before the colon", bytes: "GET /p HTTP/1.1\r\nHost : a\r\n\r\n" },
    ...bad.map((value) => ({ name: visible(value), bytes: `GET /p HTTP/1.1\r\nHost: ${value}\r\n\r\n` })),
    ...open.map((value) => ({ name: visible(value), bytes: `GET /p HTTP/1.1\r\nHost: ${value}\r\n\r\n`, expect: "any" as const })),
  ]);
}

function limitCases(): RequestCase[] {
  const many = (count: number): string => Array.from({ length: count }, (_, index) => `X-${index}: y\r\n`).join("");
  const parts: readonly (readonly [string, string, RequestCase["expect"]])[] = [
    ["60 fields", `GET /p HTTP/1.1\r\nHost: a\r\n${many(60)}\r\n`, one],
    ["10,000 fields", `GET /p HTTP/1.1\r\nHost: a\r\n${many(10_000)}\r\n`, "refused"],
    ["a value of 4,000 bytes", `GET /p HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(4000)}\r\n\r\n`, one],
    ["a value of 200,000 bytes", `GET /p HTTP/1.1\r\nHost: a\r\nX: ${"y".repeat(200_000)}\r\n\r\n`, "refused"],
    ["a name of 200,000 bytes", `GET /p HTTP/1.1\r\nHost: a\r\n${"x".repeat(200_000)}: y\r\n\r\n`, "refused"],
    ["a target of 4,000 bytes", `GET /${"p".repeat(4000)} HTTP/1.1\r\nHost: a\r\n\r\n`, "any"],
    ["a target of 200,000 bytes", `GET /${"p".repeat(200_000)} HTTP/1.1\r\nHost: a\r\n\r\n`, "refused"],
    ["a method of 100,000 bytes", `${"M".repeat(100_000)} /p HTTP/1.1\r\nHost: a\r\n\r\n`, "refused"],
    [
      "a chunk extension of 100,000 bytes",
      `POST /p HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;${"x".repeat(100_000)}\r\nhello\r\n0\r\n\r\n`,
      "refused",
    ],
  ];
  return familyOf(
    "limits",
    parts.map(([name, bytes, expect]) => ({ name, bytes, expect })),
  );
}
