import assert from "node:assert/strict";
import { test } from "node:test";
import { HelloResponse } from "../testdata/greeter.weir.ts";
import { createGreeter, startGreeter } from "../testdata/greeter.ts";

const app = "https://app.example";
const hello = "/weir.greeter.v1.Greeter/Hello";

/** What a browser compares before it hands an answer to a page. */
function cors(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => name.startsWith("access-control-") || name === "vary"));
}

test("an origin listed by its name may send cookies and read what the answer holds", async () => {
  const implementation = createGreeter({
    async hello(_, call) {
      call.replyMetadata.push("x-quota", "5");
      call.replyTrailers.push("x-late", "1");
      return HelloResponse.create({});
    },
  });
  await using greeter = await startGreeter(implementation, { corsOrigins: [app, "*"] });
  const answer = await greeter.ask("POST", hello, { headers: ["origin", app, "content-type", "application/json"], body: "{}" });
  const found = cors(answer.headers);
  assert.equal(found["access-control-allow-origin"], app);
  assert.equal(found["access-control-allow-credentials"], "true");
  assert.equal(found["vary"], "origin");
  const exposed = found["access-control-expose-headers"]?.split(", ") ?? [];
  for (const name of ["grpc-status", "grpc-message", "grpc-status-details-bin", "x-quota", "trailer-x-late"])
    assert.ok(exposed.includes(name), name);
  assert.ok(!exposed.includes("*"));
});

test("any other origin may call an open server, but without cookies", async () => {
  await using greeter = await startGreeter(createGreeter(), { corsOrigins: ["*"] });
  const answer = await greeter.ask("POST", hello, {
    headers: ["origin", "https://any.example", "content-type", "application/json"],
    body: "{}",
  });
  const { "access-control-expose-headers": exposed, ...rest } = cors(answer.headers);
  assert.deepEqual(rest, { "access-control-allow-origin": "*" });
  assert.match(exposed ?? "", /^\*, grpc-status/);
});

test("an answer that caches may keep says that it differs by origin, also to those who have none", async () => {
  await using greeter = await startGreeter(createGreeter(), { corsOrigins: [app] });
  for (const headers of [[], ["origin", app], ["origin", "https://evil.example"]]) {
    assert.equal((await greeter.ask("GET", "/v1/hello/ada", { headers })).headers.get("vary"), "origin", headers.join(" "));
  }
  assert.equal(
    (await greeter.ask("GET", "/v1/hello/ada", { headers: ["origin", "null"] })).headers.get("access-control-allow-origin"),
    null,
  );
});

test("a preflight allows the headers of gRPC-Web and Connect clients and may be kept for two hours", async () => {
  await using greeter = await startGreeter(createGreeter(), { corsOrigins: [app] });
  const asked = "connect-protocol-version,connect-timeout-ms,content-type,grpc-timeout,x-grpc-web,x-user-agent";
  const ask = ["access-control-request-method", "POST", "access-control-request-headers", asked];
  const allowed = await greeter.ask("OPTIONS", hello, { headers: ["origin", app, ...ask] });
  assert.equal(allowed.status, 204);
  assert.deepEqual(cors(allowed.headers), {
    "access-control-allow-origin": app,
    "access-control-allow-credentials": "true",
    "access-control-allow-methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "access-control-allow-headers": asked,
    "access-control-max-age": "7200",
    vary: "origin, access-control-request-method, access-control-request-headers",
  });
  const refused = await greeter.ask("OPTIONS", hello, { headers: ["origin", "https://evil.example", ...ask] });
  assert.deepEqual([refused.status, cors(refused.headers)], [403, { vary: "origin" }]);
});
