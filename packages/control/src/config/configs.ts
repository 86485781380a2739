import { randomBytes } from "node:crypto";
import { isName, isVersion } from "@weir/api/names";
import type { Call } from "@weir/kit/call";
import type { Clock } from "@weir/kit/clock";
import type { ConfigsHandlers, PutRequest, SubscribeRequest, SubscribeResponse } from "@weir/kit/config/configs";
import { Outcome } from "@weir/kit/config/configs";
import type { JsonObject } from "@weir/kit/contract/json";
import { fault } from "@weir/kit/fault";
import type { Bell } from "../bell.ts";
import { callerOf, mayTouch } from "../caller.ts";
import { quoted } from "../quoted.ts";
import { reasonText } from "../reason-text.ts";
import { controlReasons } from "../reasons.ts";
import type { Write, Writer } from "../write.ts";
import { writeOf } from "../write.ts";
import { checkedValues } from "./checked-put.ts";
import type { ConfigBook } from "./config-book.ts";
import { shownValues } from "./config-book.ts";
import type { Description, SetScope } from "./config-rows.ts";
import { descriptionFrom, keysRowFrom, rowFrom, scopeFrom } from "./config-rows.ts";
import type { InstanceLedger } from "./instance-ledger.ts";

/** What settings work with. */
export interface ConfigsOptions {
  readonly book: ConfigBook;
  readonly ledger: InstanceLedger;
  readonly write: Writer;
  /** Rings when something was set. Its own: no other change concerns those who subscribe. */
  readonly bell: Bell;
  readonly clock: Clock;
  /** Ends the streams when control goes down. */
  readonly signal: AbortSignal;
}

const beatMs = 1000;
const keysMax = 1000;
const keysBytesMax = 256 * 1024;
const descriptionsMax = 5000;
/** Of one service; those of versions that are not connected are forgotten first, the longest unseen first. */
const versionsMax = 20;
const problemsMax = 100;
const textCharactersMax = 500;

/**
 * Settings of services: streamed to their instances, changed by operators, confirmed one by one. Errors: CONFIG_SUBSCRIBER_INVALID,
 * CONFIGS_TOO_MANY, CONFIG_SERVICE_UNKNOWN, CONFIG_VALUES_INVALID, CONFIG_CHANGED, REASON_MISSING, REASON_TOO_LONG.
 */
export function createConfigs(options: ConfigsOptions): ConfigsHandlers {
  const { book, ledger } = options;
  return {
    async *subscribe(request, call) {
      checkSubscriber(request);
      const leave = ledger.connect(request);
      try {
        await describe(options, request, call);
        yield* stream(options, request, call);
      } finally {
        leave();
      }
    },
    async confirm(request) {
      const problems = request.problems.slice(0, problemsMax).map(({ key, expected, found }) => ({
        key: key.slice(0, textCharactersMax),
        expected: expected.slice(0, textCharactersMax),
        found: found.slice(0, textCharactersMax),
      }));
      const [needsRestart, shadowed] = [request.needsRestart.slice(0, keysMax), request.shadowed.slice(0, keysMax)];
      ledger.confirm({ ...request, problems, needsRestart, shadowed });
      return {};
    },
    put: (request, call) => put(options, request, call),
    async get({ service }) {
      const newest = book.newest(service);
      const descriptions = book.descriptions(service);
      const instances = ledger.list(service, newest);
      if (!newest && descriptions.length === 0) throw unknown(service);
      return {
        service,
        revision: BigInt(newest?.revision ?? 0),
        scopes: book.scopes(service).map((scope) => ({
          version: scope.version,
          values: shownValues(scope.values, descriptions),
          changedAtMs: BigInt(scope.changedAtMs),
          changedBy: scope.changedBy,
          reason: scope.reason,
        })),
        instances,
        keys: [...(descriptions.toSorted((left, right) => right.seenAtMs - left.seenAtMs)[0]?.keys ?? [])],
      };
    },
    async list(_request, call) {
      const caller = callerOf(call);
      const services = book.services().filter((service) => mayTouch(caller, service));
      return { services: services.map((service) => summaryOf(options, service)) };
    },
  };
}

function summaryOf({ book, ledger }: ConfigsOptions, service: string): Awaited<ReturnType<ConfigsHandlers["list"]>>["services"][number] {
  const newest = book.newest(service);
  const connected = ledger.list(service, newest).filter((instance) => instance.connected);
  const count = (outcome: Outcome): number => connected.filter((instance) => instance.outcome === outcome).length;
  const [applied, refused] = [count(Outcome.APPLIED), count(Outcome.REFUSED)];
  return { service, revision: BigInt(newest?.revision ?? 0), connected: connected.length, applied, refused };
}

async function* stream(options: ConfigsOptions, request: SubscribeRequest, call: Call): AsyncGenerator<SubscribeResponse, void, undefined> {
  const { book, bell, ledger, signal: ending } = options;
  const { service, instance } = request;
  const subscriber = { version: request.version, keys: new Set(request.keys.map(({ name }) => name)) };
  const signal = AbortSignal.any([call.signal, ending]);
  let { stamp } = request;
  while (!signal.aborted) {
    const since = bell.rings;
    // Also said when nothing was ever set: whoever holds something then keeps it, and says so.
    const isNew = (book.newest(service)?.stamp ?? "") !== stamp;
    if (isNew) {
      const settings = book.settings(service, subscriber);
      ({ stamp } = settings);
      yield { settings, beatMs };
    } else yield { settings: undefined, beatMs };
    // The client has taken the last message, so it is alive.
    ledger.hear(service, instance);
    await bell.heard(since, { timeoutMs: beatMs, signal });
  }
}

function checkSubscriber({ service, version, instance, keys }: SubscribeRequest): void {
  const refuse = (expected: string, found: string): never => {
    throw fault(controlReasons.CONFIG_SUBSCRIBER_INVALID, `Expected ${expected}, found ${found}.`);
  };
  if (!isName(service)) refuse("a service named by 1 to 63 of a-z, 0-9, dot and dash", quoted(service));
  if (!isVersion(version)) refuse("a version of 1 to 63 letters, digits, `.`, `_`, `+` and `-`", quoted(version));
  if (instance === "" || instance.length > 200) refuse("an instance of 1 to 200 characters", quoted(instance));
  if (keys.length > keysMax) refuse(`at most ${keysMax} keys`, `${keys.length}`);
  if (new Set(keys.map(({ name }) => name)).size !== keys.length) refuse("each key once", "one twice");
  const bytes = keysRowFrom({ service, version, keys, seenAtMs: 0 }).keys_json.length;
  if (bytes > keysBytesMax) refuse(`keys of at most ${keysBytesMax} characters in all`, `${bytes}`);
}

/** Stores what an instance takes, so that changes can be checked against it also while none is connected. */
async function describe({ book, ledger, write, clock }: ConfigsOptions, request: SubscribeRequest, call: Call): Promise<void> {
  const { service, version, keys } = request;
  const known = book.descriptions(service);
  const description: Description = { service, version, keys, seenAtMs: clock.nowMs() };
  const row = keysRowFrom(description);
  const before = known.find((one) => one.version === version);
  if (before && keysRowFrom(before).keys_json === row.keys_json) return;
  if (!before && book.size >= descriptionsMax) {
    throw fault(controlReasons.CONFIGS_TOO_MANY, `Expected at most ${descriptionsMax} versions with settings, found as many.`);
  }
  const connected = ledger.versions(service);
  const idle = known
    .filter((one) => one.version !== version && !connected.has(one.version))
    .sort((left, right) => left.seenAtMs - right.seenAtMs);
  const forgotten = idle.slice(0, Math.max(0, known.length + 1 - versionsMax));
  await write({ actor: callerOf(call).name, action: "Configs.Subscribe", call }, async (act) => {
    const { transaction } = act;
    // Of many instances that came at once the first has said it for all.
    const stored = await transaction
      .selectFrom("control_config_keys")
      .select("keys_json")
      .where("service", "=", service)
      .where("version", "=", version)
      .executeTakeFirst();
    if (stored?.keys_json === row.keys_json) return;
    for (const { version: old } of forgotten) {
      await transaction.deleteFrom("control_config_keys").where("service", "=", service).where("version", "=", old).execute();
    }
    await transaction
      .insertInto("control_config_keys")
      .values(row)
      .onConflict((conflict) => conflict.columns(["service", "version"]).doUpdateSet(row))
      .execute();
    const names = (one: Description | undefined): object | undefined => one && { version, keys: one.keys.map(({ name }) => name) };
    act.note({ resource: `config/${service}`, from: names(before), to: names(description), reason: "an instance said what it takes" });
    act.afterCommit(() => {
      for (const old of forgotten) book.forget(old);
      book.describe(descriptionFrom(row));
    });
  });
}

async function put(options: ConfigsOptions, request: PutRequest, call: Call): Promise<{ revision: bigint }> {
  const { book, clock, bell } = options;
  const { service, version, expectedRevision } = request;
  const reason = reasonText(request.reason);
  const act = writeOf(call);
  const stored = await scopesOf(act, service);
  const revision = Math.max(0, ...stored.map((scope) => scope.revision));
  if (expectedRevision !== 0n && expectedRevision !== BigInt(revision)) {
    throw fault(controlReasons.CONFIG_CHANGED, `Expected the settings to be at revision ${expectedRevision}, found ${revision}.`);
  }
  const before = stored.find((scope) => scope.version === version)?.values ?? {};
  const values = checkedValues(request, { before, descriptions: concerned(options, { service, version }) });
  if (sameValues(before, values)) return { revision: BigInt(revision) };
  const scope: SetScope = {
    service,
    version,
    revision: revision + 1,
    stamp: randomBytes(8).toString("hex"),
    values,
    changedAtMs: clock.nowMs(),
    changedBy: act.actor,
    reason,
  };
  const row = rowFrom(scope);
  await act.transaction
    .insertInto("control_configs")
    .values(row)
    .onConflict((conflict) => conflict.columns(["service", "version"]).doUpdateSet(row))
    .execute();
  const descriptions = book.descriptions(service);
  const noted = (shown: JsonObject): object => ({ ...(version !== "" && { version }), values: shownValues(shown, descriptions) });
  act.note({ resource: `config/${service}`, from: noted(before), to: noted(values), reason });
  act.afterCommit(() => {
    book.put(scope);
    bell.ring();
  });
  return { revision: BigInt(scope.revision) };
}

/** What the instances that a change concerns take: those that are connected, or, when none is, all that ever were. */
function concerned({ book, ledger }: ConfigsOptions, { service, version }: { service: string; version: string }): Description[] {
  const known = book.descriptions(service).filter((one) => version === "" || one.version === version);
  const connected = ledger.versions(service);
  const there = known.filter((one) => connected.has(one.version));
  return there.length > 0 ? there : known;
}

async function scopesOf({ transaction }: Write, service: string): Promise<SetScope[]> {
  return (await transaction.selectFrom("control_configs").selectAll().where("service", "=", service).execute()).map(scopeFrom);
}

function sameValues(left: JsonObject, right: JsonObject): boolean {
  const text = (values: JsonObject): string => JSON.stringify(Object.entries(values).sort(([one], [other]) => (one < other ? -1 : 1)));
  return text(left) === text(right);
}

function unknown(service: string): Error {
  return fault(controlReasons.CONFIG_SERVICE_UNKNOWN, `Expected a service that has subscribed, found ${quoted(service)}.`);
}
