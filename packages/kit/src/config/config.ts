import { isDeepStrictEqual } from "node:util";
import type { Logger } from "../call.ts";
import { Call } from "../call.ts";
import type { Clock } from "../clock.ts";
import { systemClock } from "../clock.ts";
import type { JsonValue } from "../contract/contract.ts";
import { fault } from "../fault.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { Problem } from "./config.weir.ts";
import type { ConfigExplanation } from "./explanation.ts";
import { explanationOf } from "./explanation.ts";
import type { Layer, Standing } from "./layers.ts";
import { merged, missingKeys, shadowedKeys } from "./layers.ts";
import { problemsText } from "./place.ts";
import { configReasons } from "./reasons.ts";
import type { CheckedSchema, ConfigSchema, ConfigValues, LiveKeys, ValueOf } from "./schema.ts";
import { checkSchema, readValues, secretTexts } from "./schema.ts";
import type { ConfigSource, Offer, OfferOutcome } from "./source.ts";
import type { Subscriber, Values } from "./subscribers.ts";
import { askSubscribers } from "./subscribers.ts";

/** What a configuration is made of. */
export interface ConfigOptions<S extends ConfigSchema> {
  readonly schema: S;
  /**
   * Weakest first: what a later one says wins, key by key. Users expect file, control plane, environment: the control plane
   * changes what was deployed, and whoever is at the machine has the last word. Default none: the defaults of the schema.
   */
  readonly sources?: readonly ConfigSource[];
  /** How long one subscriber may take over a change before that counts as a refusal. Default 5000. */
  readonly subscriberMsMax?: number;
  readonly clock?: Clock;
  /** Hears of changes and refusals, never of values. Default none. */
  readonly log?: Logger;
}

/** The part of a configuration that does not know its keys: what an app shows of it. */
export interface ShownConfig {
  /** All of it with where each value comes from, secrets masked. */
  explain(): ConfigExplanation;
  /** Puts weir_config_revision, weir_config_refusals_total and weir_config_needs_restart on a set of metrics. */
  observe(metrics: Metrics): void;
}

/** Values that may change while a process runs, whole or not at all; `await using` closes it. */
export interface Config<S extends ConfigSchema> extends ShownConfig, AsyncDisposable {
  /** All values as of one moment: frozen, and exchanged as one. */
  readonly values: ConfigValues<S>;
  /** One value as of now. Whoever needs two that fit together takes both from one `values`. */
  get<Name extends keyof S & string>(key: Name): ValueOf<S[Name]>;
  /** Raised by each change that was applied; the first is 1. */
  readonly revision: number;
  /**
   * Tells of changes of these keys, before they are in force, in the order of subscribing. A listener that throws (or takes too
   * long) refuses the whole change: those who had taken it are called again with the values exchanged, in reverse order, and the
   * old values stay in force. A listener that throws must have left everything as it was. Not called for what holds already.
   * Answers how to stop.
   */
  subscribe<Name extends LiveKeys<S>>(
    keys: readonly Name[],
    listener: (now: Pick<ConfigValues<S>, Name>, before: Pick<ConfigValues<S>, Name>) => void | Promise<void>,
    options?: SubscribeOptions,
  ): () => void;
  /** Lets go of files and connections; the values stay. */
  close(): Promise<void>;
}

/** How somebody subscribes. */
export interface SubscribeOptions {
  /** Who it is, for refusals. Default "a subscriber". */
  readonly name?: string;
}

interface State {
  layers: readonly Layer[];
  /** With restart-only keys as they were at the start. */
  inForce: ReadonlyMap<string, Standing>;
  newest: ReadonlyMap<string, Standing>;
  values: Values;
  needsRestart: readonly string[];
  revision: number;
  changedAtMs: number;
  started: boolean;
  readonly refusals: Map<string, number>;
}

interface Core {
  readonly schema: CheckedSchema;
  readonly state: State;
  readonly subscribers: Set<Subscriber>;
  readonly subscriberMsMax: number;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Reads all sources and resolves with values that fit the schema. Rejects with CONFIG_INVALID, CONFIG_UNREADABLE or
 * CONFIG_SCHEMA_INVALID; then nothing is left behind. From then on each change is validated and applied whole, or refused whole
 * with the reason in the log and in `explain()`, and what was in force stays.
 * @example
 * const config = await createConfig({
 *   schema: { "cache.ttlMs": durationMs({ default: 30_000 }), port: restartOnly(integer({ default: 7000 })) },
 *   sources: [fileSource({ path: "feed.json" }), environmentSource({ prefix: "FEED_CONFIG_", variables: process.env })],
 * });
 */
export async function createConfig<const S extends ConfigSchema>(options: ConfigOptions<S>): Promise<Config<S>> {
  const { sources = [], subscriberMsMax = 5000, clock = systemClock, log = new Call().log } = options;
  const core: Core = {
    schema: checkSchema(options.schema),
    state: {
      layers: sources.map((source) => ({ source, revision: "", raw: new Map(), values: new Map(), takenAtMs: clock.monotonicMs() })),
      inForce: new Map(),
      newest: new Map(),
      values: {},
      needsRestart: [],
      revision: 0,
      changedAtMs: clock.monotonicMs(),
      started: false,
      refusals: new Map(sources.map(({ kind }) => [kind, 0])),
    },
    subscribers: new Set(),
    subscriberMsMax,
    clock,
    log,
  };
  let turn: Promise<unknown> = Promise.resolve();
  const stop = async (): Promise<void> => {
    await Promise.all(sources.map((source) => source.stop()));
    await turn;
  };
  const offer = (index: number, offered: Offer): Promise<OfferOutcome> => {
    // One at a time: two changes at once could each be refused for the other's sake.
    const outcome = turn.then(() => takeOffer(core, index, offered));
    turn = outcome;
    return outcome;
  };
  try {
    for (const [index, source] of sources.entries()) {
      await source.start({ schema: core.schema, clock, log, offer: (offered) => offer(index, offered) });
    }
    await turn;
    begin(core);
  } catch (error) {
    await stop();
    throw error;
  }
  return configOver<S>(core, stop);
}

function begin({ schema, state, clock }: Core): void {
  const standings = merged(schema, state.layers);
  const missing = missingKeys(schema, standings);
  if (missing.length > 0) throw fault(configReasons.CONFIG_INVALID, `The configuration is not complete: ${problemsText(missing)}.`);
  Object.assign(state, { inForce: standings, newest: standings, values: valuesOf(schema, standings), revision: 1, started: true });
  state.changedAtMs = clock.monotonicMs();
}

async function takeOffer(core: Core, index: number, offered: Offer): Promise<OfferOutcome> {
  const { schema, state, clock } = core;
  const read = readValues(offered.values, schema.keys);
  const problems = [...(offered.problems ?? []), ...read.problems];
  if (problems.length > 0) return refuse(core, { index, offered, problems });
  const layer = state.layers[index];
  if (!layer) return { taken: false, problems: [] };
  const { source } = layer;
  const taken: Layer = { source, revision: offered.revision, raw: offered.values, values: read.values, takenAtMs: clock.monotonicMs() };
  const layers = state.layers.with(index, taken);
  if (state.started) {
    const found = await apply(core, layers);
    if (found.length > 0) return refuse(core, { index, offered, problems: found });
  }
  state.layers = layers;
  return {
    taken: true,
    needsRestart: state.needsRestart.filter((name) => offered.values.has(name)),
    shadowed: shadowedKeys(layers, index),
  };
}

/** Puts the layers in force, or answers why not. */
async function apply(core: Core, layers: readonly Layer[]): Promise<readonly Problem[]> {
  const { schema, state, clock, log } = core;
  const newest = merged(schema, layers);
  const missing = missingKeys(schema, newest);
  if (missing.length > 0) return missing;
  const differs = (name: string): boolean => !isDeepStrictEqual(newest.get(name)?.value, state.inForce.get(name)?.value);
  const isRestartOnly = (name: string): boolean => schema.keys.get(name)?.spec.restartOnly ?? false;
  const changed = [...schema.keys.keys()].filter(differs);
  const needsRestart = changed.filter(isRestartOnly);
  const live = changed.filter((name) => !isRestartOnly(name));
  const inForce = new Map(newest);
  for (const name of needsRestart) {
    const kept = state.inForce.get(name);
    if (kept) inForce.set(name, kept);
    else inForce.delete(name);
  }
  const now = valuesOf(schema, inForce);
  const secrets = live.flatMap((name) => [state.inForce, inForce].flatMap((standings) => secretsOf(schema, name, standings)));
  const change = { now, before: state.values, keys: live, secrets };
  const problems = await askSubscribers([...core.subscribers], change, { msMax: core.subscriberMsMax, clock, log });
  if (problems.length > 0) return problems;
  Object.assign(state, { inForce, newest });
  if (live.length > 0) {
    Object.assign(state, { values: now, revision: state.revision + 1, changedAtMs: clock.monotonicMs() });
    log.info("configuration changed", { revision: state.revision, keys: live });
  }
  if (needsRestart.some((name) => !state.needsRestart.includes(name))) log.warn("configuration needs a restart", { keys: needsRestart });
  state.needsRestart = needsRestart;
  return [];
}

function refuse(core: Core, refusal: { index: number; offered: Offer; problems: readonly Problem[] }): OfferOutcome {
  const { state, clock, log } = core;
  const { index, offered, problems } = refusal;
  const layer = state.layers[index];
  if (!layer) return { taken: false, problems };
  const placed = problems.map((problem) => {
    const where = offered.whereIs?.(problem.key);
    return where === undefined ? problem : { ...problem, found: `${problem.found} in ${where}` };
  });
  const { name, kind } = layer.source;
  state.layers = state.layers.with(index, {
    ...layer,
    refused: { revision: offered.revision, problems: placed, atMs: clock.monotonicMs() },
  });
  state.refusals.set(kind, (state.refusals.get(kind) ?? 0) + 1);
  log.error("configuration refused; what was in force stays", { source: name, revision: offered.revision, problems: problemsText(placed) });
  return { taken: false, problems: placed };
}

function valuesOf({ keys }: CheckedSchema, standings: ReadonlyMap<string, Standing>): Values {
  return Object.freeze(Object.fromEntries([...keys.keys()].map((name) => [name, standings.get(name)?.value])));
}

function secretsOf({ keys }: CheckedSchema, name: string, standings: ReadonlyMap<string, Standing>): string[] {
  const raw: JsonValue | undefined = standings.get(name)?.raw;
  return raw === undefined ? [] : secretTexts(raw, keys.get(name)?.spec);
}

function configOver<S extends ConfigSchema>(core: Core, stop: () => Promise<void>): Config<S> {
  const { schema, state, subscribers, clock } = core;
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> => (closing ??= stop());
  return {
    get values() {
      return state.values as ConfigValues<S>;
    },
    get: (key) => state.values[key] as ValueOf<S[typeof key]>,
    get revision() {
      return state.revision;
    },
    subscribe(keys, listener, { name = "a subscriber" } = {}) {
      const stuck = keys.find((key) => !schema.keys.has(key) || schema.keys.get(key)?.spec.restartOnly);
      if (stuck !== undefined) {
        throw fault(configReasons.CONFIG_SCHEMA_INVALID, `Expected keys that may change while the process runs, found "${stuck}".`);
      }
      const subscriber: Subscriber = { keys: [...keys], name, listener: listener as Subscriber["listener"] };
      subscribers.add(subscriber);
      return () => void subscribers.delete(subscriber);
    },
    explain: () => explanationOf({ schema, ...state }, clock.monotonicMs()),
    observe: (metrics) => observe(state, metrics),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function observe(state: State, metrics: Metrics): void {
  const revision = metrics.gauge({
    name: "weir_config_revision",
    help: "Changes of configuration that were applied, the start among them.",
  });
  const restart = metrics.gauge({ name: "weir_config_needs_restart", help: "Keys whose new value needs a restart." });
  const refusals = metrics.counter({
    name: "weir_config_refusals_total",
    help: "Changes of configuration that were refused, by kind of source.",
    labels: ["source"],
  });
  metrics.beforeText(() => {
    revision.set(state.revision);
    restart.set(state.needsRestart.length);
    for (const [kind, count] of state.refusals) {
      const counter = refusals.labels(kind);
      counter.add(count - counter.value());
    }
  });
}
