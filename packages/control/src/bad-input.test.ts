import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TestControl } from "./fixtures/control.ts";
import { startControl } from "./fixtures/control.ts";
import { furnishFeed } from "./fixtures/house.ts";

/** One bad request: what it is, the request, and what it must be answered. */
type Case = readonly [about: string, method: string, path: string, body: unknown, status: number, reason: string];

const weights = "/v1/releases/feed:setWeights";
const route = { name: "shop", host: "", pathPrefix: "/v1/shop", service: "feed" };
const good = [
  { version: "v2", weight: 100 },
  { version: "v1", weight: 9900 },
];
const why = { reason: "because" };

const cases: readonly Case[] = [
  [
    "weights that sum to less",
    "POST",
    weights,
    {
      shares: [
        { version: "v2", weight: 100 },
        { version: "v1", weight: 9899 },
      ],
      ...why,
    },
    400,
    "WEIGHTS_SUM_INVALID",
  ],
  [
    "weights that sum to more",
    "POST",
    weights,
    {
      shares: [
        { version: "v2", weight: 9000 },
        { version: "v1", weight: 9000 },
      ],
      ...why,
    },
    400,
    "WEIGHTS_SUM_INVALID",
  ],
  [
    "a negative weight",
    "POST",
    weights,
    {
      shares: [
        { version: "v2", weight: -100 },
        { version: "v1", weight: 10_100 },
      ],
      ...why,
    },
    400,
    "JSON_INVALID",
  ],
  [
    "a weight that is no whole number",
    "POST",
    weights,
    {
      shares: [
        { version: "v2", weight: 0.5 },
        { version: "v1", weight: 9999.5 },
      ],
      ...why,
    },
    400,
    "JSON_INVALID",
  ],
  ["one version without the other", "POST", weights, { shares: [{ version: "v2", weight: 10_000 }], ...why }, 400, "WEIGHTS_INCOMPLETE"],
  ["a version twice", "POST", weights, { shares: [...good, { version: "v2", weight: 0 }], ...why }, 400, "WEIGHTS_INCOMPLETE"],
  ["no weights", "POST", weights, { ...why }, 400, "WEIGHTS_INCOMPLETE"],
  [
    "an unknown version",
    "POST",
    weights,
    {
      shares: [
        { version: "v9", weight: 100 },
        { version: "v1", weight: 9900 },
      ],
      ...why,
    },
    400,
    "VERSION_UNKNOWN",
  ],
  ["an unknown service", "POST", "/v1/releases/nobody:setWeights", { shares: good, ...why }, 404, "SERVICE_UNKNOWN"],
  ["a service that cannot be", "POST", "/v1/releases/No%20Body:setWeights", { shares: good, ...why }, 404, "SERVICE_UNKNOWN"],
  ["a missing reason", "POST", weights, { shares: good }, 400, "REASON_MISSING"],
  ["a blank reason", "POST", weights, { shares: good, reason: " \n\t" }, 400, "REASON_MISSING"],
  ["a reason that is too long", "POST", weights, { shares: good, reason: "x".repeat(501) }, 400, "REASON_TOO_LONG"],
  ["a revision that has passed", "POST", weights, { shares: good, ...why, expectedRevision: "1" }, 409, "RELEASE_CHANGED"],
  ["JSON that is none", "POST", weights, "{shares:", 400, "JSON_INVALID"],
  ["JSON of another shape", "POST", weights, [1, 2], 400, "JSON_INVALID"],
  ["a field that does not exist", "POST", weights, { shares: good, ...why, force: true }, 400, "JSON_INVALID"],
  ["a body that is too large", "POST", weights, { shares: good, reason: "x".repeat(1_100_000) }, 413, "REQUEST_TOO_LARGE"],
  ["a release of an unknown version", "POST", "/v1/releases/feed:begin", { newVersion: "v9", ...why }, 400, "VERSION_UNKNOWN"],
  ["a release of the stable version", "POST", "/v1/releases/feed:begin", { newVersion: "v1", ...why }, 400, "VERSION_IS_STABLE"],
  ["a release without a reason", "POST", "/v1/releases/feed:begin", { newVersion: "v2" }, 400, "REASON_MISSING"],
  ["a route of an unknown service", "PUT", "/v1/routes/shop", { route: { ...route, service: "nobody" }, ...why }, 404, "SERVICE_UNKNOWN"],
  [
    "a route with a name that cannot be",
    "PUT",
    "/v1/routes/Shop",
    { route: { ...route, name: "Shop" }, ...why },
    400,
    "ROUTE_NAME_INVALID",
  ],
  ["a route with a bad host", "PUT", "/v1/routes/shop", { route: { ...route, host: "Films.Local:80" }, ...why }, 400, "ROUTE_HOST_INVALID"],
  ["a route with a bad path", "PUT", "/v1/routes/shop", { route: { ...route, pathPrefix: "v1/shop" }, ...why }, 400, "ROUTE_PATH_INVALID"],
  [
    "a route with dots in its path",
    "PUT",
    "/v1/routes/shop",
    { route: { ...route, pathPrefix: "/v1/../etc" }, ...why },
    400,
    "ROUTE_PATH_INVALID",
  ],
  [
    "a route where another one is",
    "PUT",
    "/v1/routes/shop",
    { route: { ...route, pathPrefix: "/v1/feed/" }, ...why },
    400,
    "ROUTE_PATH_TAKEN",
  ],
  [
    "a route that waits too long",
    "PUT",
    "/v1/routes/shop",
    { route: { ...route, timeoutMs: 3_600_001 }, ...why },
    400,
    "ROUTE_TIMEOUT_INVALID",
  ],
  [
    "a route with a bad source of ids",
    "PUT",
    "/v1/routes/shop",
    { route: { ...route, userIdSources: [{ header: "X-User" }] }, ...why },
    400,
    "ROUTE_USER_ID_INVALID",
  ],
  ["a route without a reason", "PUT", "/v1/routes/shop", { route }, 400, "REASON_MISSING"],
  ["deleting a route that is not there", "DELETE", "/v1/routes/shop?reason=x", undefined, 404, "ROUTE_UNKNOWN"],
  ["deleting a route without a reason", "DELETE", "/v1/routes/feed", undefined, 400, "REASON_MISSING"],
  ["a token without a role", "POST", "/v1/tokens", { name: "vera", ...why }, 400, "TOKEN_INVALID"],
  ["a page that is too long", "GET", "/v1/audit?limit=501", undefined, 400, "PAGE_INVALID"],
  ["a path that nothing answers", "GET", "/v1/nothing", undefined, 404, "ROUTE_NOT_FOUND"],
  ["a verb that the path does not have", "PATCH", "/v1/releases", { x: 1 }, 405, "VERB_NOT_ALLOWED"],
];

describe("bad input", { timeout: 30_000 }, () => {
  let house: TestControl;
  before(async () => {
    // Nobody sends heartbeats here.
    house = await startControl({ leaseMs: 60_000 });
    await furnishFeed(house);
  });
  after(() => house.close());

  /** Everything that can be changed, as an admin sees it. */
  async function everything(): Promise<unknown> {
    const paths = ["/v1/releases", "/v1/routes", "/v1/tokens", "/v1/data-planes"];
    return await Promise.all(paths.map(async (path) => (await house.ask("GET", path)).json));
  }

  for (const [about, method, path, body, status, reason] of cases) {
    test(`${about} is answered ${status} ${reason}, and nothing changes`, async () => {
      const before = await everything();
      const answer = await house.ask(method, path, { body });
      assert.deepEqual([answer.status, answer.json.reason], [status, reason], answer.text);
      assert.ok((answer.json.message ?? "").length > 10);
      assert.deepEqual(await everything(), before);
    });
  }

  test("a wrong or missing token is answered 401 with a challenge, whatever the request", async () => {
    const body = { shares: good, ...why };
    const before = await everything();
    const wrong = await house.ask("POST", weights, { body, token: "weir_wrong" });
    assert.deepEqual([wrong.status, wrong.json.reason, wrong.headers.get("www-authenticate")], [401, "TOKEN_UNKNOWN", "Bearer"]);
    const missing = await house.ask("POST", weights, { body, token: "" });
    assert.deepEqual([missing.status, missing.json.reason], [401, "TOKEN_MISSING"]);
    assert.deepEqual(await everything(), before);
  });

  test("what was refused for itself stands in the audit with its reason, and the chain is whole", async () => {
    await house.ask("POST", weights, { body: { shares: good } });
    const { json } = await house.ask("GET", "/v1/audit?resource=release/feed&limit=1");
    const [entry] = json["entries"] as Record<string, string>[];
    assert.deepEqual([entry?.["actor"], entry?.["action"], entry?.["outcome"]], ["admin", "Releases.SetWeights", "REASON_MISSING"]);
    const verified = await house.ask("GET", "/v1/audit:verify");
    assert.equal(verified.json["whole"], true);
  });
});
