import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Audit } from "@weir/api/audit";
import type { CreateTokenRequest } from "@weir/api/identity";
import { Identity, Role } from "@weir/api/identity";
import { Releases } from "@weir/api/releases";
import { Routes } from "@weir/api/routes";
import { Snapshots } from "@weir/api/snapshots";
import { Traffic } from "@weir/api/traffic";
import { Registry, State } from "@weir/kit/app/registry";
import { Configs } from "@weir/kit/config/configs";
import type { ServiceDescriptor } from "@weir/kit/contract";
import type { VirtualClock } from "@weir/kit/testing/virtual-clock";
import { createVirtualClock } from "@weir/kit/testing/virtual-clock";
import type { TestClients, TestHouse } from "../fixtures/house.ts";
import { entriesOf, furnishFeed, instanceOf, openHouse, reasonOf, sharesOf, testTokens } from "../fixtures/house.ts";
import { methodRules } from "../methods.ts";

const contracts: readonly ServiceDescriptor[] = [Audit, Configs, Identity, Registry, Releases, Routes, Snapshots, Traffic];
const hourMs = 3_600_000;

test("every method of the contracts has a rule, and every rule a method", () => {
  const paths = contracts.flatMap(({ methods }) => Object.values(methods).map(({ path }) => path));
  assert.deepEqual(Object.keys(methodRules).toSorted(), paths.toSorted());
  for (const { methods } of contracts) {
    for (const { path, idempotency } of Object.values(methods)) {
      assert.equal(methodRules[path]?.kind === "read", idempotency === "safe" && !path.endsWith("/Subscribe"), path);
    }
  }
});

describe("identity", { timeout: 20_000 }, () => {
  let clock: VirtualClock;
  let house: TestHouse;
  beforeEach(async () => {
    clock = createVirtualClock();
    house = await openHouse({ clock, daemons: false });
    await furnishFeed(house);
  });
  afterEach(() => house.close());

  const create = (request: Partial<CreateTokenRequest>): Promise<{ token: string; identity?: { id: string } | undefined }> =>
    house.admin.identity.createToken({ name: "vera", role: Role.VIEWER, reason: "test", ...request });
  const move = (clients: TestClients): Promise<unknown> =>
    clients.releases.setWeights({ service: "feed", shares: sharesOf(100), reason: "try" });

  test("each role reaches its methods and is refused at all others", async () => {
    const names = { viewer: Role.VIEWER, operator: Role.OPERATOR, admin: Role.ADMIN, instance: Role.INSTANCE, data_plane: Role.DATA_PLANE };
    for (const [name, role] of Object.entries(names)) {
      for (const [index, descriptor] of contracts.entries()) {
        for (const method of Object.values(descriptor.methods)) {
          const rule = methodRules[method.path];
          // A token of its own for each, so that none has been refused too often.
          const { token } = await create({ role, name: `${name}-${index}` });
          const clients = house.as(token, `10.1.${index}.1:1`) as unknown as Record<string, Record<string, (message: object) => unknown>>;
          const room = clients[descriptor.typeName.split(".").at(-1)?.toLowerCase() ?? ""];
          const answer = room?.[method.localName]?.({});
          const outcome =
            method.kind === "unary"
              ? reasonOf(answer as Promise<unknown>)
              : reasonOf((answer as AsyncIterable<unknown>)[Symbol.asyncIterator]().next());
          const expected = rule?.roles === "anyone" || rule?.roles.includes(name as "viewer");
          assert.equal((await outcome) !== "ROLE_INSUFFICIENT", expected, `${name} at ${method.path}: ${await outcome}`);
        }
      }
    }
  });

  test("a missing, wrong, expired or revoked token is refused, each for its reason", async () => {
    assert.equal(await reasonOf(house.as(undefined).releases.listReleases({})), "TOKEN_MISSING");
    assert.equal(await reasonOf(house.as("weir_wrong").releases.listReleases({})), "TOKEN_UNKNOWN");
    const { token, identity } = await create({ lifetimeS: 3600 });
    assert.equal(await reasonOf(house.as(token).releases.listReleases({})), "none");
    await clock.advance(hourMs);
    assert.equal(await reasonOf(house.as(token).releases.listReleases({})), "TOKEN_EXPIRED");
    await house.admin.identity.revokeToken({ id: identity?.id, reason: "left" });
    assert.equal(await reasonOf(house.as(token).releases.listReleases({})), "TOKEN_REVOKED");
  });

  test("the text of a token or link is nowhere in the database", async () => {
    const { token } = await create({});
    const { code } = await house.admin.identity.createLink({ name: "ada", role: Role.OPERATOR, reason: "test" });
    const { token: session } = await house.as(undefined).identity.exchangeLink({ code });
    const folder = dirname(house.database.url.slice("sqlite:".length));
    const stored = readdirSync(folder).map((name) => readFileSync(join(folder, name), "latin1"));
    assert.ok(stored.some((text) => text.includes("bootstrap-admin")));
    for (const secret of [token, code, session, ...Object.values(testTokens)]) assert.ok(!stored.some((text) => text.includes(secret)));
  });

  test("a viewer who writes is refused under their name, and nothing changes", async () => {
    const { token } = await create({});
    const before = await house.admin.releases.getRelease({ service: "feed" });
    assert.equal(await reasonOf(move(house.as(token))), "ROLE_INSUFFICIENT");
    assert.deepEqual(await house.admin.releases.getRelease({ service: "feed" }), before);
    const [entry] = await entriesOf(house, 1);
    assert.deepEqual(
      [entry?.actor, entry?.action, entry?.resource, entry?.outcome, entry?.reason],
      ["vera", "Releases.SetWeights", "release/feed", "ROLE_INSUFFICIENT", "try"],
    );
    assert.deepEqual(JSON.parse(entry?.to ?? "").shares, sharesOf(100));
  });

  test("a refused write of nobody we know is recorded, but not for ever", async () => {
    for (let index = 0; index < 30; index++) await reasonOf(move(house.as("weir_wrong")));
    const entries = await entriesOf(house, 500);
    assert.equal(entries.filter(({ actor, outcome }) => actor === "unknown" && outcome === "TOKEN_UNKNOWN").length, 20);
    assert.equal(await reasonOf(move(house.as("weir_wrong"))), "ATTEMPTS_TOO_MANY");
    assert.equal(await reasonOf(move(house.as("weir_wrong", "10.0.0.2:1"))), "TOKEN_UNKNOWN");
    assert.equal(await reasonOf(move(house.admin)), "none", "a good token is not held up by its neighbours");
    await clock.advance(3000);
    assert.equal(await reasonOf(move(house.as("weir_wrong"))), "TOKEN_UNKNOWN");
  });

  test("a token with limits reaches its services only", async () => {
    await house.instance.registry.register({ instance: instanceOf("shop-1", { service: "shop" }), state: State.SERVING });
    const { token } = await create({ role: Role.OPERATOR, services: ["shop"] });
    const shop = house.as(token);
    assert.equal(await reasonOf(move(shop)), "SERVICE_NOT_PERMITTED");
    assert.equal(await reasonOf(shop.releases.getRelease({ service: "feed" })), "SERVICE_NOT_PERMITTED");
    assert.equal(await reasonOf(shop.releases.getRelease({ service: "shop" })), "none");
    assert.deepEqual(
      (await shop.releases.listReleases({})).releases.map(({ service }) => service),
      ["shop"],
    );
    assert.deepEqual((await shop.routes.listRoutes({})).routes, []);
    assert.equal(await reasonOf(shop.routes.deleteRoute({ name: "feed", reason: "try" })), "SERVICE_NOT_PERMITTED");
    const stolen = { name: "feed", host: "", pathPrefix: "/v1/feed", service: "shop", userIdSources: [], timeoutMs: 0, idempotent: false };
    assert.equal(await reasonOf(shop.routes.putRoute({ route: stolen, reason: "try" })), "SERVICE_NOT_PERMITTED");
    assert.deepEqual(
      (await shop.registry.listInstances({})).instances.map(({ instance }) => instance?.service),
      ["shop"],
    );
    assert.ok((await shop.audit.listEntries({ limit: 500 })).entries.every(({ resource }) => resource === "release/shop"));
    const { token: own } = await create({ role: Role.INSTANCE, services: ["shop"] });
    const instance = house.as(own).registry;
    assert.equal(await reasonOf(instance.register({ instance: instanceOf("x"), state: State.SERVING })), "SERVICE_NOT_PERMITTED");
    assert.equal(
      await reasonOf(instance.register({ instance: instanceOf("v1-1", { service: "shop" }), state: State.SERVING })),
      "SERVICE_NOT_PERMITTED",
    );
    assert.equal(await reasonOf(instance.heartbeat({ instanceId: "v1-1", state: State.DRAINING })), "SERVICE_NOT_PERMITTED");
    assert.equal(await reasonOf(instance.deregister({ instanceId: "v1-1" })), "SERVICE_NOT_PERMITTED");
  });

  test("a link works once within ten minutes, for the person and role it was made for", async () => {
    const nobody = house.as(undefined);
    const { code, expiresAtMs } = await house.admin.identity.createLink({ name: "ada", role: Role.OPERATOR, reason: "on call" });
    assert.equal(Number(expiresAtMs) - clock.nowMs(), 600_000);
    const { token, identity } = await nobody.identity.exchangeLink({ code });
    assert.deepEqual([identity?.name, identity?.role], ["ada", Role.OPERATOR]);
    assert.deepEqual((await house.as(token).identity.whoAmI({})).token, identity);
    await move(house.as(token));
    assert.equal((await house.admin.releases.getRelease({ service: "feed" })).release?.changedBy, "ada");
    assert.equal(await reasonOf(nobody.identity.exchangeLink({ code })), "LINK_USED");
    const late = await house.admin.identity.createLink({ name: "ada", role: Role.VIEWER, reason: "test" });
    await clock.advance(600_000);
    assert.equal(await reasonOf(nobody.identity.exchangeLink({ code: late.code })), "LINK_EXPIRED");
    assert.equal(await reasonOf(nobody.identity.exchangeLink({ code: "guess" })), "LINK_UNKNOWN");
    await clock.advance(12 * hourMs);
    assert.equal(await reasonOf(house.as(token).identity.whoAmI({})), "TOKEN_EXPIRED");
  });

  test("of a hundred who open a link at once, one gets in", async () => {
    const { code } = await house.admin.identity.createLink({ name: "ada", role: Role.VIEWER, reason: "test" });
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, index) => reasonOf(house.as(undefined, `10.2.0.${index}:1`).identity.exchangeLink({ code }))),
    );
    assert.equal(outcomes.filter((outcome) => outcome === "none").length, 1);
  });

  test("whoever guesses codes is told to wait", async () => {
    const nobody = house.as(undefined, "10.3.0.1:1");
    const outcomes: string[] = [];
    for (let index = 0; index < 22; index++) outcomes.push(await reasonOf(nobody.identity.exchangeLink({ code: `guess ${index}` })));
    assert.deepEqual(new Set(outcomes.slice(0, 20)), new Set(["LINK_UNKNOWN"]));
    assert.deepEqual(new Set(outcomes.slice(20)), new Set(["ATTEMPTS_TOO_MANY"]));
  });

  test("a stream ends when its token is revoked or expires", async () => {
    for (const end of ["revoked", "expired"]) {
      const { token, identity } = await create({ name: end, lifetimeS: 60 });
      const stream = house.as(token).releases.watchRelease({ service: "feed" })[Symbol.asyncIterator]();
      await stream.next();
      if (end === "revoked") await house.admin.identity.revokeToken({ id: identity?.id, reason: "left" });
      let reason = "";
      const ended = reasonOf(drained(stream)).then((found) => (reason = found));
      for (let seconds = 0; seconds < 120 && reason === ""; seconds++) await clock.advance(1000);
      assert.equal(reason, end === "revoked" ? "TOKEN_REVOKED" : "TOKEN_EXPIRED");
      await ended;
    }
  });

  test("a token that cannot be is refused, and none is made", async () => {
    const before = await house.admin.identity.listTokens({});
    const bad: Partial<CreateTokenRequest>[] = [
      { name: "" },
      { name: "x".repeat(65) },
      { name: "control" },
      { name: "unknown" },
      { name: "a\nb" },
      { role: Role.UNSPECIFIED },
      { lifetimeS: 366 * 86_400 },
      { services: ["Not A Service"] },
      { role: Role.ADMIN, services: ["feed"] },
      { role: Role.DATA_PLANE, services: ["feed"] },
    ];
    for (const fields of bad) assert.equal(await reasonOf(create(fields)), "TOKEN_INVALID", JSON.stringify(fields));
    assert.equal(await reasonOf(create({ reason: " " })), "REASON_MISSING");
    assert.equal(await reasonOf(house.admin.identity.createLink({ name: "ada", role: Role.INSTANCE, reason: "x" })), "TOKEN_INVALID");
    assert.equal(await reasonOf(house.admin.identity.revokeToken({ id: "nobody", reason: "x" })), "TOKEN_NOT_FOUND");
    assert.deepEqual(await house.admin.identity.listTokens({}), before);
  });

  test("a new bootstrap token takes the place of the one before, and one no longer given is revoked", async () => {
    const { token } = await create({ name: "survivor" });
    house = await house.reopen();
    assert.equal(await reasonOf(house.as(token).identity.whoAmI({})), "none", "tokens outlive a restart");
    assert.equal(await reasonOf(house.admin.identity.whoAmI({})), "none");
    await house.rooms.close();
    const admin = "another-admin-token-0123456789-0123456789";
    house = await openHouse({ clock, database: house.database, tokens: { admin }, daemons: false });
    assert.equal(await reasonOf(house.as(admin).identity.whoAmI({})), "none");
    assert.equal(await reasonOf(house.as(testTokens.admin).identity.whoAmI({})), "TOKEN_UNKNOWN");
    assert.equal(await reasonOf(house.as(testTokens.instance).identity.whoAmI({})), "TOKEN_REVOKED");
  });
});

async function drained(stream: AsyncIterator<unknown>): Promise<void> {
  while (!(await stream.next()).done);
}
