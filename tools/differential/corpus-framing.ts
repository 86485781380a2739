import type { CasePart, RequestCase } from "./request-case.ts";
import { familyOf, hidden, seen, visible } from "./request-case.ts";

const post = "POST /p HTTP/1.1\r\nHost: a\r\n";
const hello = [seen("POST", "/p", "hello")];

/** Every way in which the length of a body can be said wrong. */
export function framingCases(): RequestCase[] {
  return [
    ...lengthCases(),
    ...lengthNameCases(),
    ...encodingCases(),
    ...encodingNameCases(),
    ...bothCases(),
    ...chunkCases(),
    ...trailerCases(),
  ];
}

function lengthCases(): RequestCase[] {
  const good = new Set(["5", " 5", "  5", "5 ", "\t5\t", "05", "0000000005"]);
  const values = [
    ...good,
    "+5",
    "-5",
    "0x5",
    "0X5",
    "5,5",
    "5, 5",
    "5,6",
    "6,5",
    "5;",
    "5;a=b",
    "5.0",
    "5e0",
    "5E0",
    '"5"',
    "'5'",
    "",
    " ",
    "5 5",
    "5\t5",
    "5\0",
    "\x005",
    "5\x0b",
    "\x0b5",
    "5\x0c",
    "5\x85",
    "5\xa0",
    "\xa05",
    "\xd9\xa5",
    "five",
    "1_0",
    "5a",
    "a5",
    "NaN",
    "Infinity",
    "5\r",
    "4294967301",
    "18446744073709551621",
    "99999999999999999999999",
    "-0",
    "+0",
    "0x0",
    "5\n",
    "5\r\n 0",
    "5\r\n\t5",
    "\r\n 5",
    "%35",
    "5%00",
  ];
  return familyOf(
    "content-length value",
    values.map((value) => ({
      name: visible(value),
      bytes: `${post}Content-Length:${value}\r\n\r\nhello${good.has(value) ? "" : hidden}`,
      expect: good.has(value) ? hello : "refused",
    })),
  );
}

function lengthNameCases(): RequestCase[] {
  const names = [
    "Content-Length ",
    "Content-Length	",
    " Content-Length",
    "	Content-Length",
    "Content-Length\0",
    "\0Content-Length",
    "Content\0-Length",
    "Content-Length\v",
    "\vContent-Length",
    "Content-Length\f",
    "Content-Length\xA0",
    "Content Length",
    "Content-Length\r",
    "Content-\rLength",
    "Content-Length",
    "Content-Length",
    '"Content-Length"',
    "Content-Length:",
    "Content-Length,",
    "Content-Length;",
    "(Content-Length)",
  ];
  // Names of their own: no body was announced, so what follows must be a request, and these five bytes begin none.
  const others = [
    "Content_Length",
    "Content-Lengt",
    "XContent-Length",
    "Content--Length",
    "Content.Length",
    "Content-Length_",
    "Content-Length!",
  ];
  const exact: CasePart[] = ["content-length", "CONTENT-LENGTH", "cOnTeNt-LeNgTh"].map((name) => ({
    name,
    bytes: `${post}${name}: 5\r\n\r\nhello`,
    expect: hello,
  }));
  return familyOf("content-length name", [
    ...exact,
    ...names.map((name) => ({ name: visible(name), bytes: `${post}${name}: 5\r\n\r\nhello${hidden}` })),
    ...others.map((name) => ({ name: visible(name), bytes: `${post}${name}: 5\r\n\r\n@@@@@${hidden}`, expect: [seen("POST", "/p")] })),
  ]);
}

const goodEncodings = new Set(["chunked", "Chunked", "CHUNKED", " chunked", "chunked ", "\tchunked\t"]);
const encodings = [
  ...goodEncodings,
  "\x0bchunked",
  "chunked\x0b",
  "\x0cchunked",
  "\0chunked",
  "chunked\0",
  "xchunked",
  "chunkedx",
  "chunked,",
  ",chunked",
  "chunked, chunked",
  "gzip, chunked",
  "chunked, gzip",
  "identity",
  "identity, chunked",
  "chunked, identity",
  "chunked;q=1",
  "chunked; foo=bar",
  '"chunked"',
  "'chunked'",
  "chun ked",
  "c\thunked",
  "cow",
  "cow, chunked",
  "gzip",
  "deflate",
  "compress",
  "trailers",
  "",
  " ",
  "chunked\r\n ",
  "chu\r\n nked",
  "\r\n chunked",
  "chunked\xa0",
  "\xa0chunked",
  "chunked\xff",
  "chunKed\x85",
  "chunked\r",
  "[chunked]",
  "chunked\\",
  "chunked chunked",
  "0",
];

function encodingCases(): RequestCase[] {
  return [
    ...encodingsWith("transfer-encoding value", ""),
    ...encodingsWith("transfer-encoding value beside content-length", "Content-Length: 4\r\n"),
  ];
}

function encodingsWith(family: string, length: string): RequestCase[] {
  return familyOf(
    family,
    encodings.map((value) => {
      const isGood = goodEncodings.has(value) && length === "";
      const body = isGood ? "5\r\nhello\r\n0\r\n\r\n" : `0\r\n\r\n${hidden}`;
      return {
        name: visible(value),
        bytes: `${post}${length}Transfer-Encoding:${value}\r\n\r\n${body}`,
        expect: isGood ? hello : "refused",
      };
    }),
  );
}

function encodingNameCases(): RequestCase[] {
  const names = [
    "Transfer-Encoding ",
    "Transfer-Encoding	",
    " Transfer-Encoding",
    "	Transfer-Encoding",
    "Transfer-Encoding\0",
    "\0Transfer-Encoding",
    "Transfer-Encoding\v",
    "Transfer Encoding",
    "Transfer-Encoding\xA0",
    "Transfer­Encoding",
    "Transfer-\rEncoding",
    "Transfer-Encoding",
  ];
  const others = ["Transfer_Encoding", "X-Transfer-Encoding", "TransferEncoding", "Transfer-Encodin", "Transfer.Encoding"];
  return familyOf("transfer-encoding name", [
    ...["transfer-encoding", "TRANSFER-ENCODING"].map((name) => ({
      name,
      bytes: `${post}${name}: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
      expect: hello,
    })),
    ...names.map((name) => ({ name: visible(name), bytes: `${post}${name}: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${hidden}` })),
    // Here the length counts, and behind five bytes stands a request that was asked for.
    ...others.map((name) => ({
      name: visible(name),
      bytes: `${post}${name}: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n`,
      expect: [seen("POST", "/p", "0\r\n\r\n"), seen("GET", "/2")],
    })),
  ]);
}

function bothCases(): RequestCase[] {
  const twice: readonly (readonly [string, string])[] = [
    ["Content-Length: 5", "Content-Length: 5"],
    ["Content-Length: 5", "Content-Length: 6"],
    ["Content-Length: 0", "Content-Length: 5"],
    ["Content-Length: 5", "content-length: 0"],
    ["Content-Length: 5", "Content-Length:"],
    ["Content-Length: 5", "Content-Length: x"],
    ["Transfer-Encoding: chunked", "Content-Length: 0"],
    ["Content-Length: 0", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: identity"],
    ["Transfer-Encoding: identity", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: cow", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding: cow"],
    ["Transfer-Encoding: gzip", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding:", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked", "Transfer-Encoding:"],
    ["Transfer-Encoding: identity", "Content-Length: 5"],
  ];
  const versions = twice.flatMap(([first, second]) =>
    ["1.1", "1.0"].map((version) => ({
      name: `${first} and ${second}, HTTP/${version}`,
      bytes: `POST /p HTTP/${version}\r\nHost: a\r\nConnection: keep-alive\r\n${first}\r\nX: y\r\n${second}\r\n\r\n0\r\n\r\n${hidden}`,
    })),
  );
  const old = ["chunked", "identity", "Chunked"].map((value) => ({
    name: `${value} in HTTP/1.0`,
    bytes: `POST /p HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: ${value}\r\n\r\n0\r\n\r\n${hidden}`,
  }));
  return familyOf("two lengths", [...versions, ...old]);
}

const chunked = `${post}Transfer-Encoding: chunked\r\n\r\n`;

function chunkCases(): RequestCase[] {
  const sizes = [
    "0x5",
    "+5",
    "-5",
    " 5",
    "5 ",
    "5	",
    "	5",
    "5h",
    "5,",
    "5\0",
    "\x005",
    "5.",
    "5 5",
    "5_",
    '"5"',
    "5\v",
    "5\xA0",
    "",
    "g",
    "FFFFFFFFFFFFFFFF5",
    "100000005",
    "10000000000000005",
    "5\n",
    "5\r",
    "5\r\r",
    "5;\n",
    "5;a\n",
    "5;a=\nb",
    "5;a\r",
    "5;a=b\rc",
    "5;a=\0",
    "5;",
    "5;",
  ];
  const good = ["05", "5;", "5;a", "5;a=b", '5;a="b"', '5;a="b;c"', "5;a=b;c=d", "5;a=b=c"];
  // White space around extensions is bad grammar that recipients were told to bear (RFC 9112 §7.1.1, RFC 7230's BWS).
  const open = ["0000000000000005", "5 ;a=b", "5; a=b", "5;a =b", "5;;", "5;=b", '5;a="', "5;a=b ", "5;\xe9"];
  const last = ["00", "000000", "0;x", "0;x=y"];
  const lastBad = ["0 ", "-0", "+0", "0x0", " 0", "0\0", "0\n", "0\r\r"];
  const ends: readonly (readonly [string, string])[] = [
    ["data without its end", `5\r\nhello0\r\n\r\n${hidden}`],
    ["data ended by LF", `5\r\nhello\n0\r\n\r\n${hidden}`],
    ["data ended by CR", `5\r\nhello\r0\r\n\r\n${hidden}`],
    ["data longer than said", `5\r\nhello!\r\n0\r\n\r\n${hidden}`],
    ["data shorter than said", `5\r\nhell\r\n0\r\n\r\n${hidden}`],
    ["data with a blank behind", `5\r\nhello \r\n0\r\n\r\n${hidden}`],
    ["data with two ends", `5\r\nhello\r\n\r\n0\r\n\r\n${hidden}`],
    ["LF everywhere", `5\nhello\n0\n\n${hidden}`],
    ["no last chunk", "5\r\nhello\r\n"],
    ["no end behind the last chunk", "5\r\nhello\r\n0\r\n"],
    ["LF behind the last chunk", `5\r\nhello\r\n0\r\n\n${hidden}`],
  ];
  const whole = (size: string): string => `${chunked}${size}\r\nhello\r\n0\r\n\r\n`;
  return familyOf("chunks", [
    ...good.map((size) => ({ name: visible(size), bytes: whole(size), expect: hello })),
    ...open.map((size) => ({ name: visible(size), bytes: whole(size), expect: "any" as const })),
    ...sizes.map((size) => ({ name: visible(size), bytes: `${whole(size)}${hidden}` })),
    ...last.map((size) => ({ name: `last ${visible(size)}`, bytes: `${chunked}5\r\nhello\r\n${size}\r\n\r\n`, expect: hello })),
    ...lastBad.map((size) => ({ name: `last ${visible(size)}`, bytes: `${chunked}5\r\nhello\r\n${size}\r\n\r\n${hidden}` })),
    ...ends.map(([name, body]) => ({ name, bytes: `${chunked}${body}` })),
  ]);
}

function trailerCases(): RequestCase[] {
  const start = `${chunked}5\r\nhello\r\n0\r\n`;
  const fine = ["X-Sum: 1\r\n", "X:\r\nY: 2\r\n", "X-Sum: \t1 \r\n"];
  const open = [
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: b\r\n",
    "Trailer: x\r\n",
    "Connection: close\r\n",
    "Authorization: x\r\n",
  ];
  const bad = [
    "X : 1\r\n",
    " X: 1\r\n",
    "X: 1\n",
    "X: 1\r\n folded\r\n",
    "X\r\n",
    ": 1\r\n",
    "X: a\0b\r\n",
    "X: a\rb\r\n",
    "\0: 1\r\n",
    "X: 1\r\r\n",
  ];
  return familyOf("trailers", [
    ...fine.map((text) => ({ name: visible(text), bytes: `${start}${text}\r\n`, expect: hello })),
    ...open.map((text) => ({ name: visible(text), bytes: `${start}${text}\r\n`, expect: "any" as const })),
    ...bad.map((text) => ({ name: visible(text), bytes: `${start}${text}\r\n${hidden}` })),
    { name: "many", bytes: `${start}${"X: 1\r\n".repeat(2000)}\r\n` },
    { name: "a request among them", bytes: `${start}${hidden}` },
  ]);
}
