import type { MethodKind } from "../contract/contract.ts";
import type { Fault } from "../fault.ts";
import { fault } from "../fault.ts";
import type { MethodPolicyDraft, PolicyDrafts } from "./method-policy.ts";
import { policyReasons } from "./reasons.ts";

/** A value of a policy. */
export type PolicyValue = number | string;

/** A number of a policy: its range, both ends included, and what it is when nobody says. */
export interface NumberKey {
  readonly kind: "number" | "whole";
  /** 0 is allowed too, for none. */
  readonly orNone?: boolean;
  readonly min: number;
  readonly max: number;
  readonly standard: number;
  /** What it is by default for methods whose request or answer streams, where that differs. */
  readonly standardOfStreams?: number;
}

/** A word of a policy. */
export interface WordKey {
  readonly kind: "word";
  readonly words: readonly string[];
  readonly standard: string;
}

const hourMs = 3_600_000;

/** Every value that a policy has, by its path. The one table: defaults, limits, what is checked, and what docs/policies.md shows. */
export const policyKeys: Readonly<Record<string, NumberKey | WordKey>> = {
  "client.timeoutMs": { kind: "number", orNone: true, min: 1, max: hourMs, standard: 30_000 },
  // A stream begins when its first message comes, and that may be tomorrow.
  "client.attemptTimeoutMs": { kind: "number", orNone: true, min: 1, max: hourMs, standard: 10_000, standardOfStreams: 0 },
  "client.retry.attemptsMax": { kind: "whole", min: 1, max: 11, standard: 3 },
  "client.retry.backoffMsMin": { kind: "number", min: 0, max: 60_000, standard: 50 },
  "client.retry.backoffMsMax": { kind: "number", min: 0, max: 600_000, standard: 1000 },
  "client.retry.budgetRatio": { kind: "number", min: 0, max: 1, standard: 0.1 },
  "client.retry.budgetPerSecondMin": { kind: "number", min: 0, max: 1000, standard: 1 },
  "client.hedge.delayMs": { kind: "number", orNone: true, min: 1, max: 60_000, standard: 0 },
  "client.hedge.attemptsMax": { kind: "whole", min: 2, max: 5, standard: 2 },
  "client.breaker.kind": { kind: "word", words: ["adaptive", "classic", "off"], standard: "adaptive" },
  "client.breaker.windowMs": { kind: "number", min: 100, max: hourMs, standard: 10_000 },
  "client.breaker.callsMin": { kind: "whole", min: 1, max: 1e6, standard: 10 },
  "client.breaker.factor": { kind: "number", min: 1, max: 100, standard: 1.5 },
  "client.breaker.probeMs": { kind: "number", min: 10, max: 60_000, standard: 1000 },
  "client.breaker.failureRatioMax": { kind: "number", min: 0, max: 1, standard: 0.5 },
  "client.breaker.openMs": { kind: "number", min: 1, max: hourMs, standard: 1000 },
  "client.breaker.trialsMin": { kind: "whole", min: 1, max: 1000, standard: 3 },
  "client.rate.perSecond": { kind: "number", orNone: true, min: 0.001, max: 1e9, standard: 0 },
  "client.rate.burst": { kind: "number", orNone: true, min: 1, max: 1e9, standard: 0 },
  "client.bulkhead.concurrencyMax": { kind: "whole", orNone: true, min: 1, max: 1e6, standard: 100, standardOfStreams: 1000 },
  "client.bulkhead.queueMax": { kind: "whole", min: 0, max: 1e6, standard: 50 },
  "client.bulkhead.waitMsMax": { kind: "number", orNone: true, min: 1, max: hourMs, standard: 1000 },
  "server.lane": { kind: "word", words: ["urgent", "normal", "bulk"], standard: "normal" },
  "server.rate.perSecond": { kind: "number", orNone: true, min: 0.001, max: 1e9, standard: 0 },
  "server.rate.burst": { kind: "number", orNone: true, min: 1, max: 1e9, standard: 0 },
  "server.rate.per": { kind: "word", words: ["all", "peer"], standard: "all" },
  "server.bulkhead.concurrencyMax": { kind: "whole", orNone: true, min: 1, max: 1e6, standard: 0 },
  "server.bulkhead.queueMax": { kind: "whole", min: 0, max: 1e6, standard: 0 },
  "server.bulkhead.waitMsMax": { kind: "number", orNone: true, min: 1, max: hourMs, standard: 1000 },
};

/** Paths of what holds other values: "client", "client.retry". */
const branches = new Set(
  Object.keys(policyKeys).flatMap((path) =>
    path
      .split(".")
      .slice(0, -1)
      .map((_, depth, names) => names.slice(0, depth + 1).join(".")),
  ),
);

const faultsMax = 20;
const namePattern = /^(\*|[A-Za-z_][\w.]*|\/[A-Za-z_][\w.]*\/[A-Za-z_]\w*)$/;

/** What a value is by default for a method of this kind. */
export function standardOf(path: string, kind: MethodKind): PolicyValue {
  const key = policyKeys[path];
  if (key === undefined) return 0;
  if (key.kind === "word" || kind === "unary") return key.standard;
  // Streams of answers go on for as long as somebody reads.
  if (path === "client.timeoutMs" && kind !== "client_stream") return 0;
  return key.standardOfStreams ?? key.standard;
}

/** What is wrong with some of a method's policies, a Fault POLICY_INVALID for each bad value, at most 20; `at` says where it stands. */
export function policyFaults(draft: unknown, at: string): Fault[] {
  const found: Fault[] = [];
  valuesBelow({ value: draft, path: "", at, found }, new Map());
  return found.slice(0, faultsMax);
}

/** The same for policies by what they hold for. */
export function draftFaults(drafts: unknown): Fault[] {
  if (!isObject(drafts)) return [invalid("policies", { expected: "an object", found: drafts })];
  const found = Object.entries(drafts).flatMap(([name, draft]) => {
    const named = namePattern.test(name)
      ? []
      : [invalid("policies", { expected: `"*", "package.Service" or "/package.Service/Method"`, found: name })];
    return [...named, ...policyFaults(draft, name)];
  });
  return found.slice(0, faultsMax);
}

/** The values that a draft names, by path. What is wrong with it has been found out before. */
export function valuesOf(draft: MethodPolicyDraft): ReadonlyMap<string, PolicyValue> {
  const values = new Map<string, PolicyValue>();
  valuesBelow({ value: draft, path: "", at: "", found: [] }, values);
  return values;
}

/** One Fault for several: their messages in a row. Undefined for none. */
export function faultOfAll(found: readonly Fault[]): Fault | undefined {
  const [first, ...others] = found;
  if (first === undefined || others.length === 0) return first;
  return fault(policyReasons.POLICY_INVALID, found.map(({ message }) => message).join(" "));
}

/**
 * Policies by what they hold for, from JSON such as a configuration has. Throws POLICY_INVALID with every value that cannot be.
 * @example const schema = { policies: parsed(policiesFrom, { default: {}, expected: "policies" }) };
 */
export function policiesFrom(value: unknown): PolicyDrafts {
  const wrong = faultOfAll(draftFaults(value));
  if (wrong) throw wrong;
  return value as PolicyDrafts;
}

/** A Fault that says which value was expected to be what. */
export function invalid(where: string, { expected, found }: { readonly expected: string; readonly found: unknown }): Fault {
  return fault(policyReasons.POLICY_INVALID, `${where}: expected ${expected}, found ${textOf(found)}.`);
}

interface Place {
  readonly value: unknown;
  readonly path: string;
  readonly at: string;
  readonly found: Fault[];
}

function valuesBelow({ value, path, at, found }: Place, values: Map<string, PolicyValue>): void {
  const where = [at, path].filter((part) => part !== "").join(" ");
  if (!isObject(value)) {
    found.push(invalid(where, { expected: "an object", found: value }));
    return;
  }
  for (const [name, below] of Object.entries(value)) {
    const inner = path === "" ? name : `${path}.${name}`;
    const key = Object.hasOwn(policyKeys, inner) ? policyKeys[inner] : undefined;
    if (below === undefined) continue;
    if (branches.has(inner)) valuesBelow({ value: below, path: inner, at, found }, values);
    else if (key === undefined) found.push(invalid(where, { expected: `one of ${namesBelow(path).join(", ")}`, found: name }));
    else if (isAllowed(key, below)) values.set(inner, below);
    else found.push(invalid([at, inner].filter((part) => part !== "").join(" "), { expected: expectation(key), found: below }));
  }
}

/** Whether a value may be what its key says. */
export function isAllowed(key: NumberKey | WordKey, value: unknown): value is PolicyValue {
  if (key.kind === "word") return typeof value === "string" && key.words.includes(value);
  if (value === 0 && key.orNone === true) return true;
  if (typeof value !== "number" || !(value >= key.min && value <= key.max)) return false;
  return key.kind === "number" || Number.isInteger(value);
}

/** What a value has to be, in words. */
export function expectation(key: NumberKey | WordKey): string {
  if (key.kind === "word") return `one of ${key.words.map((word) => `"${word}"`).join(", ")}`;
  return `a ${key.kind === "whole" ? "whole number" : "number"} from ${key.min} to ${key.max}${key.orNone === true ? ", or 0 for none" : ""}`;
}

function namesBelow(path: string): string[] {
  const prefix = path === "" ? "" : `${path}.`;
  const names = [...Object.keys(policyKeys), ...branches].filter((key) => key.startsWith(prefix));
  return [...new Set(names.map((key) => key.slice(prefix.length).split(".")[0] ?? ""))].filter((name) => name !== "");
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  if (typeof value === "number") return String(value);
  return (JSON.stringify(value) ?? typeof value).slice(0, 100);
}
