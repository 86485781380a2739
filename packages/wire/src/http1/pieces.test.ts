import assert from "node:assert/strict";
import { test } from "node:test";
import { bytesOf, outcomeOf } from "../testing/conversation.ts";

const streams: Readonly<Record<string, string>> = {
  "one request": "GET /a?b=c HTTP/1.1\r\nHost: a:80\r\nAccept: */*\r\n\r\n",
  "an empty line before a request": "\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n",
  "three pipelined requests":
    "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nPOST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabcHEAD /3 HTTP/1.1\r\nHost: a\r\n\r\n",
  "a chunked body with extensions":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n001\r\n \r\n5;x\r\nworld\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
  "a chunked body with trailers":
    "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: Chunked\r\nTrailer: X-Sum\r\n\r\n5\r\nhello\r\n0\r\nX-Sum:  12 \r\nY:\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
  "an empty chunked body": "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
  "headers for this hop":
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Keep-Alive, X-Hop\r\nX-Hop: 1\r\nx-end: 2\r\nTE: trailers\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\n\r\n",
  "values with blanks and obs-text": "GET / HTTP/1.1\r\nHost:\ta \t\r\nX:\r\nY: \t a  b\xe9\t \r\nZ:c\r\n\r\n",
  "HTTP/1.0": "GET / HTTP/1.0\r\n\r\nGET /never HTTP/1.0\r\n\r\n",
  "HTTP/1.0 that wants to be kept": "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
  "Connection: close": "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET /never HTTP/1.1\r\nHost: a\r\n\r\n",
  "absolute form": "GET http://A:80/x?y HTTP/1.1\r\nHost: a:80\r\n\r\nGET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
  "asterisk form": "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
  "a bad request behind a good one": "GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nX : 1\r\n\r\n",
  "a bad line before illegal bytes": "GET / HTTP/3.1\r\nHost: \x01\r\n\r\n",
  "illegal bytes before a bad line": "GET / HTTP/1.1\r\nHost: a\x01\r\n: 1\r\n\r\n",
  "several faults in one head": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: x\r\nTransfer-Encoding: gzip\r\n\r\n",
  "an upgrade that is not granted":
    "GET /1 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: WebSocket, x\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n",
  "an expectation with its body":
    "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloPOST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "a head that goes on beyond its bound": `GET / HTTP/1.1\r\nHost: a\r\nX: ${"a".repeat(500)}\r\n\r\n`,
  "odd names": "GET / HTTP/1.1\r\nHost: a\r\nconstructor: 1\r\n__proto__: 2\r\ntoString: 3\r\n!#$%&'*+-.^_`|~9: 4\r\n\r\n",
};

const options = { limits: { headBytesMax: 300 } };

for (const [name, text] of Object.entries(streams)) {
  test(`connection does the same whatever the pieces with ${name}`, async () => {
    const bytes = bytesOf(text);
    const whole = await outcomeOf([bytes], options);
    assert.notEqual(whole.answer, "");
    assert.deepEqual(
      await outcomeOf(
        [...bytes].map((byte) => Uint8Array.of(byte)),
        options,
      ),
      whole,
      "byte by byte",
    );
    for (let at = 1; at < bytes.length; at += 1) {
      assert.deepEqual(await outcomeOf([bytes.subarray(0, at), bytes.subarray(at)], options), whole, `cut at ${at}`);
    }
  });
}

test("connection hands over headers in lower case without those of the framing", async () => {
  const { requests } = await outcomeOf([bytesOf(streams["headers for this hop"] as string)]);
  assert.deepEqual(
    requests.map((request) => JSON.parse(request) as unknown),
    [{ method: "GET", target: "/", authority: "a", headers: ["x-end", "2"], body: "" }],
  );
});

test("connection hands over names that objects have by nature", async () => {
  const { requests } = await outcomeOf([bytesOf(streams["odd names"] as string)]);
  const request = JSON.parse(requests[0] as string) as { headers: string[] };
  assert.deepEqual(request.headers, ["constructor", "1", "__proto__", "2", "tostring", "3", "!#$%&'*+-.^_`|~9", "4"]);
});

test("connection turns absolute form into origin form", async () => {
  const { requests } = await outcomeOf([bytesOf(streams["absolute form"] as string)]);
  assert.deepEqual(
    requests.map((request) => (JSON.parse(request) as { target: string }).target),
    ["/x?y", "/"],
  );
});

test("connection turns OPTIONS of a whole server into asterisk form", async () => {
  const asked = ["*", "http://a", "http://a/", "http://a?", "/"].map((target) => `OPTIONS ${target} HTTP/1.1\r\nHost: a\r\n\r\n`);
  const { requests } = await outcomeOf([bytesOf(asked.join(""))]);
  assert.deepEqual(
    requests.map((request) => (JSON.parse(request) as { target: string }).target),
    ["*", "*", "/", "/?", "/"],
  );
});

test("connection hands over content and trailers of chunks", async () => {
  const { requests } = await outcomeOf([bytesOf(streams["a chunked body with trailers"] as string)]);
  const first = JSON.parse(requests[0] as string) as { body: string; trailers: string[] };
  assert.equal(first.body, "hello");
  assert.deepEqual(first.trailers, ["x-sum", "12", "y", ""]);
});
