import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { test } from "node:test";
import { fault } from "../../fault.ts";
import { implement } from "../implement.ts";
import type { RunningGreeter } from "../testdata/greeter.ts";
import { startGreeter } from "../testdata/greeter.ts";
import type { FilesHandlers } from "../testdata/files.weir.ts";
import { Files } from "../testdata/files.weir.ts";
import { createRawGrpc, readRaw } from "../testdata/raw-grpc.ts";
import type { RpcOptions } from "./server.ts";

const picture = Buffer.from(Array.from({ length: 5000 }, (_, index) => (index * 7) & 255));

const handlers: FilesHandlers = {
  async put({ name, version, content }) {
    return { name: `${name}@${version}`, bytes: content?.data.length ?? -1, contentType: content?.contentType ?? "none" };
  },
  async get({ name }, call) {
    if (name === "none") throw fault({ reason: "NO_FILE", code: "NOT_FOUND" }, "No such file.");
    call.replyMetadata.push("etag", '"5"');
    return { contentType: name === "plain" ? "" : "image/png", data: picture };
  },
  async describe({ name }) {
    return { name, content: { contentType: "text/plain", data: Buffer.from("about") } };
  },
  async turn({ contentType, data }) {
    return { contentType: `${contentType}; turned=1`, data: Buffer.from(data).reverse() };
  },
  async *download({ name }) {
    if (name === "none") throw fault({ reason: "NO_FILE", code: "NOT_FOUND" }, "No such file.");
    for (let at = 0; at < picture.length; at += 1000) {
      if (name === "broken" && at === 2000) throw fault({ reason: "DISK", code: "DATA_LOSS" }, "A hole.");
      yield { contentType: at === 0 ? "image/png" : "", data: picture.subarray(at, at + 1000) };
      yield { contentType: "", data: new Uint8Array(0) };
    }
  },
  async upload(requests) {
    let bytes = 0;
    let [name, contentType] = ["", ""];
    for await (const { name: found, version, content } of requests) {
      name = `${found}@${version}`;
      contentType = content?.contentType ?? "";
      bytes += content?.data.length ?? 0;
    }
    return { name, bytes, contentType };
  },
  async *pipe(requests) {
    for await (const { contentType, data } of requests) yield { contentType, data: data.map((byte) => 255 - byte) };
  },
};

const startFiles = (options: RpcOptions = {}): Promise<RunningGreeter> => startGreeter(implement(Files, handlers), options);

test("a body is taken as it is, with its content type, beside path and query", async () => {
  await using files = await startFiles({ requestBytesMax: 6000 });
  const put = await files.ask("PUT", "/v1/files/a.png?version=3", { headers: ["content-type", "image/png"], body: picture });
  assert.equal(put.text, '{"name":"a.png@3","bytes":5000,"contentType":"image/png"}');
  assert.equal((await files.ask("PUT", "/v1/files/a")).text, '{"name":"a@0"}');
  const turned = await files.ask("POST", "/v1/turn", { headers: ["content-type", "text/plain"], body: "abc" });
  assert.deepEqual([turned.text, turned.headers.get("content-type")], ["cba", "text/plain; turned=1"]);
  const large = await files.ask("PUT", "/v1/files/a", { body: Buffer.alloc(6001) });
  assert.deepEqual([large.status, large.json["reason"]], [413, "REQUEST_TOO_LARGE"]);
  const gzip = await files.ask("PUT", "/v1/files/a", { headers: ["content-encoding", "gzip"], body: "x" });
  assert.equal(gzip.json["reason"], "ENCODING_UNSUPPORTED");
});

test("an answer is written as it is, with type and metadata; failures stay JSON", async () => {
  await using files = await startFiles();
  const { bytes, headers } = await files.ask("GET", "/v1/files/a.png");
  assert.deepEqual(bytes, picture);
  assert.deepEqual(
    ["content-type", "x-content-type-options", "etag"].map((name) => headers.get(name)),
    ["image/png", "nosniff", '"5"'],
  );
  assert.equal((await files.ask("GET", "/v1/files/plain")).headers.get("content-type"), "application/octet-stream");
  const head = await files.ask("HEAD", "/v1/files/a.png");
  assert.deepEqual([head.status, head.bytes.length, head.headers.get("content-type")], [200, 0, "image/png"]);
  const none = await files.ask("GET", "/v1/files/none");
  assert.deepEqual([none.status, none.json["reason"]], [404, "NO_FILE"]);
  // Where the rule does not name the field, the message is JSON as ever.
  assert.equal(
    (await files.ask("GET", "/v1/descriptions/a")).text,
    '{"name":"a","content":{"contentType":"text/plain","data":"YWJvdXQ="}}',
  );
});

test("one field of an answer may be its body", async () => {
  const implementation = implement(Files, handlers);
  const methods = implementation.methods.map((method) => {
    const { descriptor } = method;
    const http = descriptor.http.map((rule) => ({ ...rule, responseBody: "content", rawResponse: true }));
    return descriptor.name === "Describe" ? { ...method, descriptor: { ...descriptor, http } } : method;
  });
  await using files = await startGreeter({ ...implementation, methods });
  const answer = await files.ask("GET", "/v1/descriptions/a");
  assert.deepEqual([answer.text, answer.headers.get("content-type")], ["about", "text/plain"]);
});

test("a stream of bodies is one body in pieces; what fails before the first is JSON, what fails later cuts it", async () => {
  await using files = await startFiles();
  const whole = await files.ask("GET", "/v1/downloads/a");
  assert.deepEqual([whole.bytes, whole.headers.get("content-type")], [picture, "image/png"]);
  const none = await files.ask("GET", "/v1/downloads/none");
  assert.deepEqual([none.status, none.json["reason"]], [404, "NO_FILE"]);
  await assert.rejects(files.ask("GET", "/v1/downloads/broken"), { code: "UNAVAILABLE" });
  await using raw = createRawGrpc(files.url);
  const stream = raw.open("/v1/downloads/broken", { ":method": "GET" });
  stream.end();
  await assert.rejects(readRaw(stream), { code: "ERR_HTTP2_STREAM_ERROR" });
});

test("a body in pieces is a stream of messages, over HTTP/1.1 and HTTP/2", async () => {
  await using files = await startFiles();
  const sent = request(`${files.url}/v1/uploads/a?version=2`, { method: "POST", headers: { "content-type": "video/mp4" } });
  for (let piece = 0; piece < 20; piece += 1) sent.write(picture);
  sent.end();
  const [answer] = (await once(sent, "response")) as [AsyncIterable<Buffer>];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk);
  assert.equal(Buffer.concat(chunks).toString(), '{"name":"a@2","bytes":100000,"contentType":"video/mp4"}');
  await using raw = createRawGrpc(files.url);
  const stream = raw.open("/v1/pipe", { "content-type": "image/png" });
  stream.write(Buffer.of(1, 2));
  const [first] = (await once(stream, "data")) as [Buffer];
  assert.deepEqual(first, Buffer.of(254, 253));
  stream.end(Buffer.of(3));
  const [second] = (await once(stream, "data")) as [Buffer];
  assert.deepEqual(second, Buffer.of(252));
  await once(stream, "end");
});

test("over the other protocols a body is a message like any other", async () => {
  await using files = await startFiles();
  const body = '{"contentType":"a/b","data":"YWJj"}';
  const answer = await files.ask("POST", "/weir.files.v1.Files/Turn", { headers: ["content-type", "application/json"], body });
  assert.equal(answer.text, '{"contentType":"a/b; turned=1","data":"Y2Jh"}');
});
