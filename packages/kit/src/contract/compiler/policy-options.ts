import type { DescMessage, DescMethod, DescService, Message, Registry } from "@bufbuild/protobuf";
import { getOption, hasOption, isFieldSet } from "@bufbuild/protobuf";
import { fault, isFault } from "../../fault.ts";
import { effectivePolicy, nested } from "../../policy/effective-policy.ts";
import type { MethodPolicyDraft } from "../../policy/method-policy.ts";
import type { PolicyValue } from "../../policy/policy-keys.ts";
import { expectation, isAllowed, policyKeys } from "../../policy/policy-keys.ts";
import { kitReasons } from "../../reasons.ts";
import type { MethodDescriptor } from "../contract.ts";
import { placeOf } from "./comments.ts";

/** A method whose policies are printed. */
export interface PolicyOwner extends Pick<MethodDescriptor, "idempotency" | "kind"> {
  readonly method: DescMethod;
}

/** Fields of weir.Policy by path, and the values that they are. `timeout` and `retry` have fields of the descriptor for themselves. */
export const policyFields: Readonly<Record<string, string>> = {
  timeout: "client.timeoutMs",
  retry: "client.retry.attemptsMax",
  attempt_timeout: "client.attemptTimeoutMs",
  "backoff.min": "client.retry.backoffMsMin",
  "backoff.max": "client.retry.backoffMsMax",
  "backoff.budget_ratio": "client.retry.budgetRatio",
  "backoff.budget_per_second_min": "client.retry.budgetPerSecondMin",
  "hedge.delay": "client.hedge.delayMs",
  "hedge.attempts_max": "client.hedge.attemptsMax",
  "breaker.kind": "client.breaker.kind",
  "breaker.window": "client.breaker.windowMs",
  "breaker.calls_min": "client.breaker.callsMin",
  "breaker.factor": "client.breaker.factor",
  "breaker.probe": "client.breaker.probeMs",
  "breaker.failure_ratio_max": "client.breaker.failureRatioMax",
  "breaker.open": "client.breaker.openMs",
  "breaker.trials_min": "client.breaker.trialsMin",
  "rate.per_second": "client.rate.perSecond",
  "rate.burst": "client.rate.burst",
  "bulkhead.concurrency_max": "client.bulkhead.concurrencyMax",
  "bulkhead.queue_max": "client.bulkhead.queueMax",
  "bulkhead.wait_max": "client.bulkhead.waitMsMax",
  "server.lane": "server.lane",
  "server.rate.per_second": "server.rate.perSecond",
  "server.rate.burst": "server.rate.burst",
  "server.rate_per": "server.rate.per",
  "server.bulkhead.concurrency_max": "server.bulkhead.concurrencyMax",
  "server.bulkhead.queue_max": "server.bulkhead.queueMax",
  "server.bulkhead.wait_max": "server.bulkhead.waitMsMax",
};

const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const timeoutMsMax = 3_600_000;
const retriesMax = 10;
const repeats = ["client.hedge.delayMs", "client.hedge.attemptsMax"];

/**
 * What the descriptor of a method says of its policies, its own before those of its service. Throws CONTRACT_INVALID for a value that cannot
 * be, naming file and line.
 */
export function printPolicy(owner: PolicyOwner, registry: Registry): string[] {
  const { method, idempotency, kind } = owner;
  const values = new Map([...valuesOfService(owner, registry), ...valuesOf(method, "weir.policy", registry)]);
  const timeoutMs = values.get(policyFields["timeout"] ?? "");
  const attempts = values.get(policyFields["retry"] ?? "");
  if (idempotency === "none" && typeof attempts === "number" && attempts > 1)
    throw refusal(method, "weir.policy", ["retry only on a method with an idempotency_level", attempts - 1]);
  if (idempotency === "none" && values.has("client.hedge.delayMs"))
    throw refusal(method, "weir.policy", ["hedge only on a method with an idempotency_level", values.get("client.hedge.delayMs")]);
  for (const own of ["client.timeoutMs", "client.retry.attemptsMax"]) values.delete(own);
  const policy: MethodPolicyDraft = nested(values);
  try {
    effectivePolicy({ path: `/${method.parent.typeName}/${method.name}`, kind, policy }, []);
  } catch (thrown) {
    if (!isFault(thrown)) throw thrown;
    throw fault(kitReasons.CONTRACT_INVALID, `${placeOf(method)}: (weir.policy) of ${method.toString()}: ${thrown.message}`);
  }
  const critical = registry.getExtension("weir.critical");
  return [
    ...(typeof timeoutMs === "number" ? [`timeoutMs: ${timeoutMs},`] : []),
    ...(typeof attempts === "number" ? [`retries: ${attempts - 1},`] : []),
    ...(critical !== undefined && getOption(method, critical) === true ? ["critical: true,"] : []),
    ...(values.size > 0 ? [`policy: ${objectText(policy)},`] : []),
  ];
}

/** Those of the service that can hold for the method: what repeats a call is for methods that may be repeated. */
function valuesOfService({ method, idempotency }: PolicyOwner, registry: Registry): Map<string, PolicyValue> {
  const values = valuesOf(method.parent, "weir.policies", registry);
  if (idempotency === "none") for (const path of ["client.retry.attemptsMax", ...repeats]) values.delete(path);
  return values;
}

function valuesOf(desc: DescMethod | DescService, option: string, registry: Registry): Map<string, PolicyValue> {
  const values = new Map<string, PolicyValue>();
  const extension = registry.getExtension(option);
  const message = registry.getMessage("weir.Policy");
  if (extension === undefined || message === undefined) return values;
  const isSet = desc.kind === "rpc" ? hasOption(desc, extension) : hasOption(desc, extension);
  if (!isSet) return values;
  const policy = (desc.kind === "rpc" ? getOption(desc, extension) : getOption(desc, extension)) as Message;
  for (const [field, value] of fieldsBelow(policy, message, "")) {
    const path = policyFields[field] ?? "";
    const found = valueFrom(field, path, value);
    if (typeof found === "object") throw refusal(desc, option, [found.expected, value]);
    if (found !== undefined) values.set(path, found);
  }
  return values;
}

/** Scalars that are set, by the path of their field. */
function fieldsBelow(message: Message, desc: DescMessage, prefix: string): [string, unknown][] {
  return desc.fields.flatMap((field): [string, unknown][] => {
    if (!isFieldSet(message, field)) return [];
    const value = (message as unknown as Readonly<Record<string, unknown>>)[field.localName];
    if (field.fieldKind === "message") return fieldsBelow(value as Message, field.message, `${prefix}${field.name}.`);
    return [[`${prefix}${field.name}`, value]];
  });
}

/** The value of a policy; undefined for one that says nothing; what was expected for one that cannot be. */
function valueFrom(field: string, path: string, value: unknown): PolicyValue | undefined | { readonly expected: string } {
  const key = policyKeys[path];
  if (field === "timeout" && value === "") return undefined;
  if (field === "retry") return Number(value) <= retriesMax ? Number(value) + 1 : { expected: `at most ${retriesMax} retries` };
  if (key === undefined) return { expected: "a field that Weir knows" };
  if (key.kind === "word") return isAllowed(key, value) ? value : { expected: `${expectation(key)} as ${field}` };
  if (typeof value !== "string") return isAllowed(key, value) ? value : { expected: `${expectation(key)} as ${field}` };
  const [, count = "", unit = ""] = /^(\d{1,9})(ms|s|m|h)$/.exec(value) ?? [];
  const ms = Number(count) * (units[unit] ?? NaN);
  if (field === "timeout" && !(ms > 0 && ms <= timeoutMsMax)) return { expected: `a timeout like "800ms", at most an hour` };
  return isAllowed(key, ms) ? ms : { expected: `a time like "800ms", ${key.min} to ${key.max} ms, as ${field}` };
}

function refusal(desc: DescMethod | DescService, option: string, [expected, found]: readonly [string, unknown]): Error {
  const message = `${placeOf(desc)}: (${option}) of ${desc.toString()}: expected ${expected}, found ${JSON.stringify(found)}`;
  return fault(kitReasons.CONTRACT_INVALID, message);
}

function objectText(value: object): string {
  const fields = Object.entries(value).map(
    ([name, below]) => `${name}: ${typeof below === "object" ? objectText(below as object) : JSON.stringify(below)}`,
  );
  return `{ ${fields.join(", ")} }`;
}
