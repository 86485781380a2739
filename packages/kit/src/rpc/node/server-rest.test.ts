import assert from "node:assert/strict";
import { test } from "node:test";
import type { Exchange, HttpRequest } from "@weir/wire";
import { metadataValue } from "../../call.ts";
import type { Code } from "../../fault.ts";
import { codes, fault, isFault } from "../../fault.ts";
import { createGreeter, createLogBook, startGreeter } from "../testdata/greeter.ts";
import { Greeter, HelloResponse } from "../testdata/greeter.weir.ts";
import { createRpcHandler } from "./server.ts";

const json = ["content-type", "application/json"];

test("REST binds path, query and body to the message", async () => {
  await using greeter = await startGreeter();
  const table: [method: string, target: string, body: string | undefined, expected: object][] = [
    ["GET", "/v1/hello/ada", undefined, { greeting: "hello ada" }],
    ["GET", "/v1/hello/a%20d%C3%A9", undefined, { greeting: "hello a dé" }],
    ["GET", "/v1/hello/world", undefined, { greeting: "hello " }],
    [
      "GET",
      "/v1/hello/ada?tags=a&tags=b&page.size=3&page.next_token=t",
      undefined,
      { greeting: "hello ada", tags: ["a", "b"], page: { size: 3, nextToken: "t" } },
    ],
    ["GET", "/v1/hello/ada?name=bob&unknown=1", undefined, { greeting: "hello ada" }],
    [
      "GET",
      "/v1/hello/ada?tone=TONE_WARM&loud=true&serial=9007199254740993&seal=AQID",
      undefined,
      { greeting: "hello ada", tone: "TONE_WARM", loud: true, serial: "9007199254740993", seal: "AQID" },
    ],
    ["GET", "/v1/files/a/b/c.txt", undefined, { greeting: "hello a/b/c.txt" }],
    ["GET", "/v1/files", undefined, { greeting: "hello " }],
    ["POST", "/v1/hello", '{"name":"ada","tags":["x"]}', { greeting: "hello ada", tags: ["x"] }],
    ["POST", "/v1/hello?name=ignored", '{"page":{"next_token":"t"}}', { greeting: "hello ", page: { nextToken: "t" } }],
    ["POST", "/v1/hello", "", { greeting: "hello " }],
    [
      "PUT",
      "/v1/people/people/9/7:greet?tags=q&page.next_token=no",
      '{"size":1,"nextToken":"t"}',
      { greeting: "hello people/9", tags: ["q"], page: { size: 7, nextToken: "t" } },
    ],
    ["PUT", "/v1/people/people/9/7:greet", "", { greeting: "hello people/9", page: { size: 7 } }],
  ];
  for (const [method, target, body, expected] of table) {
    const answer = await greeter.ask(method, target, { headers: body ? json : [], body });
    assert.equal(answer.status, 200, `${target} ${answer.text}`);
    assert.deepEqual(answer.json, expected, target);
    assert.equal(answer.headers.get("content-type"), "application/json");
  }
});

test("REST refuses bad input, each with its status, code and reason", async () => {
  await using greeter = await startGreeter(createGreeter(), { requestBytesMax: 100 });
  const table: [method: string, target: string, rest: { headers?: string[]; body?: string | Uint8Array }, expected: string][] = [
    ["GET", "/v1/nothing", {}, "404 not_found ROUTE_NOT_FOUND"],
    ["GET", "/", {}, "404 not_found ROUTE_NOT_FOUND"],
    ["DELETE", "/v1/hello", {}, "405 unimplemented VERB_NOT_ALLOWED"],
    ["GET", "/v1/hello/%ff", {}, "400 invalid_argument PATH_INVALID"],
    ["GET", "/v1/hello/a?name=%zz", {}, "400 invalid_argument QUERY_INVALID"],
    ["GET", "/v1/hello/a?loud=true&loud=true", {}, "400 invalid_argument QUERY_INVALID"],
    ["GET", "/v1/hello/a?loud=yes", {}, "400 invalid_argument JSON_INVALID"],
    ["GET", "/v1/hello/a?page.size=many", {}, "400 invalid_argument JSON_INVALID"],
    ["GET", "/v1/hello/a?tone=TONE_GREEN", {}, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: json, body: "{" }, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: json, body: "[1]" }, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: json, body: "null" }, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: json, body: '{"name":1}' }, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: json, body: '{"nane":"x"}' }, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: json, body: Buffer.from('{"name":"\u00ff"}', "latin1") }, "400 invalid_argument JSON_INVALID"],
    ["POST", "/v1/hello", { headers: ["content-type", "text/plain"], body: "{}" }, "415 invalid_argument CONTENT_TYPE_UNSUPPORTED"],
    ["POST", "/v1/hello", { body: "{}" }, "415 invalid_argument CONTENT_TYPE_UNSUPPORTED"],
    ["POST", "/v1/hello", { headers: [...json, "content-encoding", "gzip"], body: "{}" }, "501 unimplemented ENCODING_UNSUPPORTED"],
    ["POST", "/v1/hello", { headers: json, body: JSON.stringify({ name: "x".repeat(200) }) }, "413 resource_exhausted REQUEST_TOO_LARGE"],
    ["GET", "/v1/hello/a", { headers: ["connect-timeout-ms", "soon"] }, "400 invalid_argument TIMEOUT_INVALID"],
  ];
  for (const [method, target, rest, expected] of table) {
    const answer = await greeter.ask(method, target, rest);
    const found = `${answer.status} ${String(answer.json["code"])} ${String(answer.json["reason"])}`;
    assert.equal(found, expected, `${method} ${target} ${answer.text}`);
    assert.ok(String(answer.json["message"]).length > 10);
  }
});

test("a body that is too large is refused in pieces as well as whole", async () => {
  await using greeter = await startGreeter(createGreeter(), { requestBytesMax: 200_000 });
  async function* pieces(): AsyncGenerator<Uint8Array> {
    for (let count = 0; count < 100; count++) yield Buffer.alloc(10_000, 0x20);
  }
  const response = await greeter.client.request(
    { method: "POST", target: "/v1/hello", headers: json, body: pieces() },
    { timeoutMs: 5000 },
  );
  assert.equal(response.status, 413);
  const small = await greeter.client.request({
    method: "POST",
    target: "/v1/hello",
    headers: json,
    body: Buffer.from(`{"name":"ada"}${" ".repeat(150_000)}`),
  });
  assert.equal(small.status, 200);
});

test("a body that is too large by its own word is refused before it comes", async () => {
  await using greeter = await startGreeter(createGreeter(), { requestBytesMax: 200_000 });
  async function* never(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(" ");
    await new Promise(() => undefined);
  }
  const body = Object.assign(never(), { length: 300_000 });
  const response = await greeter.client.request({ method: "POST", target: "/v1/hello", headers: json, body }, { timeoutMs: 5000 });
  assert.equal(response.status, 413);
});

test("a deadline of no time is answered without asking the handler", async () => {
  let reached = 0;
  const counting = createGreeter({
    async hello() {
      reached++;
      return HelloResponse.create();
    },
  });
  await using greeter = await startGreeter(counting);
  const answer = await greeter.ask("GET", "/v1/hello/ada", { headers: ["connect-timeout-ms", "0"] });
  assert.deepEqual([answer.status, answer.json["reason"], reached], [504, "DEADLINE_EXCEEDED", 0]);
});

test("a request whose client has gone already does not reach its handler", async () => {
  let reached = 0;
  const counting = createGreeter({
    async hello() {
      reached++;
      return HelloResponse.create();
    },
  });
  const handler = createRpcHandler([counting]);
  const gone: Exchange = { peerAddress: "", secure: false, version: "1.1", onCancel: (listener) => listener() };
  const request: HttpRequest = { method: "GET", target: "/v1/hello/ada", authority: "", headers: [], body: undefined };
  const answer = await handler(request, gone);
  assert.deepEqual([answer.status, reached], [499, 0]);
});

test("405 lists what is allowed, OPTIONS too; HEAD answers as GET without the body", async () => {
  await using greeter = await startGreeter();
  const refused = await greeter.ask("PATCH", "/v1/hello/ada");
  assert.equal(refused.status, 405);
  assert.equal(refused.headers.get("allow"), "GET, HEAD, OPTIONS");
  const options = await greeter.ask("OPTIONS", "/v1/hello");
  assert.deepEqual([options.status, options.headers.get("allow"), options.text], [204, "POST, OPTIONS", ""]);
  const get = await greeter.ask("GET", "/v1/hello/ada");
  const head = await greeter.client.request({ method: "HEAD", target: "/v1/hello/ada", headers: [] });
  assert.deepEqual([head.status, head.lengthOfGet], [200, get.bytes.length]);
  assert.equal((await greeter.ask("HEAD", "/v1/nothing")).status, 404);
  assert.equal((await greeter.ask("HEAD", "/v1/count/3")).status, 200);
});

test("every code becomes the HTTP status of the table, with reason, details and Retry-After", async () => {
  const greeterFaults = createGreeter({
    hello: ({ name }) =>
      Promise.reject(
        fault({ reason: "PLANTED", code: name as Code }, `Planted ${name}.`, { retryAfterMs: 1200, cause: new Error("secret") }),
      ),
  });
  const log = createLogBook();
  await using greeter = await startGreeter(greeterFaults, { log });
  for (const code of Object.keys(codes) as Code[]) {
    const answer = await greeter.ask("GET", `/v1/hello/${code}`);
    assert.equal(answer.status, codes[code].http, code);
    assert.equal(answer.headers.get("retry-after"), "2");
    assert.equal(answer.headers.get("www-authenticate"), code === "UNAUTHENTICATED" ? "Bearer" : null);
    assert.deepEqual(answer.json, {
      code: codes[code].connect,
      reason: "PLANTED",
      message: `Planted ${code}.`,
      details: [
        {
          type: "google.rpc.ErrorInfo",
          value: "CgdQTEFOVEVEEhd3ZWlyLmdyZWV0ZXIudjEuR3JlZXRlcg",
          debug: { reason: "PLANTED", domain: "weir.greeter.v1.Greeter" },
        },
        { type: "google.rpc.RetryInfo", value: "CgcIARCAhK9f", debug: { retryDelay: "1.2s" } },
      ],
    });
  }
});

test("an unknown throw is INTERNAL with an opaque id, and logged with its cause", async () => {
  const log = createLogBook();
  const broken = createGreeter({
    async hello({ name }) {
      if (name === "sync") throw new TypeError("password=hunter2");
      return Promise.reject("password=hunter2" as unknown as Error);
    },
  });
  await using greeter = await startGreeter(broken, { log });
  for (const name of ["sync", "text"]) {
    const answer = await greeter.ask("GET", `/v1/hello/${name}`);
    assert.equal(answer.status, 500);
    assert.equal(answer.json["reason"], "UNEXPECTED");
    assert.equal(answer.text.includes("hunter2"), false);
    const id = /id ([0-9a-f-]{36})/.exec(answer.text)?.[1];
    assert.ok(id);
    const line = log.lines.find((entry) => entry.includes(id));
    assert.ok(line?.includes("hunter2") && line.includes("/weir.greeter.v1.Greeter/Hello"), String(line));
  }
});

test("a handler that is not async, answers nothing or too much is answered for", async () => {
  const log = createLogBook();
  const odd = createGreeter({
    hello({ name }) {
      if (name === "sync") throw new Error("not even a promise");
      if (name === "long") return Promise.resolve(HelloResponse.create({ greeting: "x".repeat(1000) }));
      return Promise.resolve(undefined as never);
    },
  });
  await using greeter = await startGreeter(odd, { responseBytesMax: 500, log });
  assert.deepEqual((await greeter.ask("GET", "/v1/hello/sync")).json["reason"], "UNEXPECTED");
  assert.deepEqual((await greeter.ask("GET", "/v1/hello/none")).status, 500);
  const long = await greeter.ask("GET", "/v1/hello/long");
  assert.deepEqual([long.status, long.json["reason"]], [429, "RESPONSE_TOO_LARGE"]);
});

test("headers are the call's metadata, reply metadata the answer's headers; framing cannot be forged", async () => {
  const echoing = createGreeter({
    async hello(_request, call) {
      call.replyMetadata.push(
        "x-echo",
        metadataValue(call.metadata, "x-ask") ?? "",
        "content-type",
        "text/html",
        "content-length",
        "3",
        "x-peer",
        call.peer.address,
      );
      return HelloResponse.create({ greeting: call.method });
    },
  });
  await using greeter = await startGreeter(echoing);
  const answer = await greeter.ask("GET", "/v1/hello/ada", { headers: ["x-ask", "42"] });
  assert.equal(answer.headers.get("x-echo"), "42");
  assert.equal(answer.headers.get("content-type"), "application/json");
  assert.match(answer.headers.get("x-peer") ?? "", /^127\.0\.0\.1:\d+$/);
  assert.deepEqual(answer.json, { greeting: "/weir.greeter.v1.Greeter/Hello" });
});

test("a traceparent is continued under a span of its own; a bad one is ignored", async () => {
  const tracing = createGreeter({
    hello: async (_request, { trace }) => HelloResponse.create({ greeting: `${trace.traceId} ${trace.spanId} ${String(trace.sampled)}` }),
  });
  await using greeter = await startGreeter(tracing);
  const sent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const { json: answered } = await greeter.ask("GET", "/v1/hello/ada", { headers: ["traceparent", sent] });
  assert.match(String(answered["greeting"]), /^0af7651916cd43dd8448eb211c80319c (?!b7ad6b7169203331)[0-9a-f]{16} true$/);
  const ignored = await greeter.ask("GET", "/v1/hello/ada", { headers: ["traceparent", `${sent}x`] });
  assert.equal(ignored.json["greeting"], "  false");
});

test("response_body answers one field, at its default too", async () => {
  const { hello } = Greeter.methods;
  const rules = (["tags", "greeting", "page", "serial", "loud", "tone"] as const).map((field) => ({
    verb: "GET" as const,
    path: `/only/${field}`,
    body: "",
    responseBody: field,
  }));
  const implementation = createGreeter({
    hello: async ({ name }) =>
      HelloResponse.create(
        name === "full" ? { tags: ["a"], greeting: "g", page: { size: 1, nextToken: "" }, serial: 5n, loud: true, tone: 1 } : {},
      ),
  });
  const methods = implementation.methods.map((method) =>
    method.descriptor.name === "Hello" ? { ...method, descriptor: { ...hello, http: rules } as typeof method.descriptor } : method,
  );
  await using greeter = await startGreeter({ ...implementation, methods });
  const full: Record<string, string> = {
    tags: '["a"]',
    greeting: '"g"',
    page: '{"size":1}',
    serial: '"5"',
    loud: "true",
    tone: '"TONE_WARM"',
  };
  const empty: Record<string, string> = { tags: "[]", greeting: '""', page: "null", serial: '"0"', loud: "false", tone: "0" };
  for (const { responseBody } of rules) {
    assert.equal((await greeter.ask("GET", `/only/${responseBody}?name=full`)).text, full[responseBody]);
    assert.equal((await greeter.ask("GET", `/only/${responseBody}`)).text, empty[responseBody]);
  }
});

test("CORS is off by default; listed origins may ask, others are refused their preflight", async () => {
  await using closed = await startGreeter();
  const origin = ["origin", "https://app.example"];
  assert.equal((await closed.ask("GET", "/v1/hello/ada", { headers: origin })).headers.get("access-control-allow-origin"), null);
  await using open = await startGreeter(createGreeter(), { corsOrigins: ["https://app.example"] });
  const preflight = ["access-control-request-method", "POST", "access-control-request-headers", "content-type, authorization"];
  const allowed = await open.ask("OPTIONS", "/weir.greeter.v1.Greeter/Hello", { headers: [...origin, ...preflight] });
  assert.equal(allowed.status, 204);
  assert.equal(allowed.headers.get("access-control-allow-origin"), "https://app.example");
  assert.equal(allowed.headers.get("access-control-allow-headers"), "content-type, authorization");
  assert.match(allowed.headers.get("access-control-allow-methods") ?? "", /POST/);
  assert.equal(allowed.headers.get("access-control-max-age"), "7200");
  const refused = await open.ask("OPTIONS", "/v1/hello", { headers: ["origin", "https://evil.example", ...preflight] });
  assert.deepEqual([refused.status, refused.json["reason"]], [403, "ORIGIN_NOT_ALLOWED"]);
  const answered = await open.ask("GET", "/v1/nothing", { headers: origin });
  assert.deepEqual(
    [answered.status, answered.headers.get("access-control-allow-origin"), answered.headers.get("vary")],
    [404, "https://app.example", "origin"],
  );
  assert.equal(
    (await open.ask("GET", "/v1/hello/ada", { headers: ["origin", "https://evil.example"] })).headers.get("access-control-allow-origin"),
    null,
  );
});

test("a fallback answers the paths that no method has", async () => {
  await using greeter = await startGreeter(createGreeter(), {
    fallback: async (request) => ({ status: 200, headers: [], body: Buffer.from(`page ${request.target}`) }),
  });
  assert.equal((await greeter.ask("GET", "/index.html?x=1")).text, "page /index.html?x=1");
  assert.equal((await greeter.ask("PATCH", "/v1/hello/ada")).status, 405);
});

test("conflicting rules, a service implemented twice, and bad templates are refused at the start", () => {
  const greeter = createGreeter();
  const withRules = (name: string, ...paths: string[]): typeof greeter => ({
    ...greeter,
    methods: greeter.methods.map((method) =>
      method.descriptor.name === name
        ? {
            ...method,
            descriptor: { ...method.descriptor, http: paths.map((path) => ({ verb: "GET" as const, path, body: "", responseBody: "" })) },
          }
        : method,
    ),
  });
  const table: [implementations: (typeof greeter)[], reason: string][] = [
    [[greeter, greeter], "ROUTE_CONFLICT"],
    [[withRules("Hello", "/x/{name}", "/x/{seal}")], "ROUTE_CONFLICT"],
    [[withRules("Hello", "/x/{nane}")], "TEMPLATE_INVALID"],
    [[withRules("Hello", "/x/{tags}")], "TEMPLATE_INVALID"],
    [[withRules("Hello", "/x/{page}")], "TEMPLATE_INVALID"],
    [[withRules("Hello", "x")], "TEMPLATE_INVALID"],
    [[withRules("Sum", "/sum", "/sum")], "ROUTE_CONFLICT"],
  ];
  for (const [implementations, reason] of table) {
    assert.throws(
      () => createRpcHandler(implementations),
      (thrown) => isFault(thrown) && thrown.reason === reason,
      reason,
    );
  }
});
