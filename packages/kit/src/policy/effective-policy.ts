import type { MethodDescriptor } from "../contract/contract.ts";
import type { MethodPolicy, PolicyDrafts } from "./method-policy.ts";
import type { PolicyValue } from "./policy-keys.ts";
import { invalid, policyKeys, standardOf, valuesOf } from "./policy-keys.ts";

/** Who says what a policy is: the later one of a list wins over the earlier. */
export interface PolicySource {
  /** "code", "configuration". */
  readonly from: string;
  readonly drafts: PolicyDrafts;
}

/** A value that holds for a method, and who said so: "default", "contract", `code "*"`, `configuration "weir.feed.v1.Feed"`. */
export interface SourcedValue {
  readonly value: PolicyValue;
  readonly from: string;
}

/** What holds for one method, and who said so. */
export interface EffectivePolicy {
  readonly policy: MethodPolicy;
  /** Its values by path, `"client.timeoutMs"`, each with who said it. */
  readonly values: Readonly<Record<string, SourcedValue>>;
}

/** The parts of a method's descriptor that its policies come from. */
export type PolicyMethod = Pick<MethodDescriptor, "path" | "kind" | "timeoutMs" | "retries" | "critical" | "policy">;

/** Puts together what holds for a method: defaults, then its contract, then the sources. Throws POLICY_INVALID for values that exclude each other. */
export function effectivePolicy(method: PolicyMethod, sources: readonly PolicySource[]): EffectivePolicy {
  const values = new Map<string, SourcedValue>();
  const take = (given: Iterable<readonly [string, PolicyValue]>, from: string): void => {
    for (const [path, value] of given) values.set(path, { value, from });
  };
  take(
    Object.keys(policyKeys).map((path) => [path, standardOf(path, method.kind)] as const),
    "default",
  );
  take(valuesOfContract(method), "contract");
  for (const source of sources) {
    for (const name of ["*", serviceOf(method.path), method.path]) {
      const draft = Object.hasOwn(source.drafts, name) ? source.drafts[name] : undefined;
      if (draft !== undefined) take(valuesOf(draft), `${source.from} "${name}"`);
    }
  }
  const policy = nested(new Map([...values].map(([path, { value }]) => [path, value]))) as unknown as MethodPolicy;
  refuseContradictions(policy, method.path);
  return { policy, values: Object.fromEntries(values) };
}

/** The service of a method's path: "/weir.feed.v1.Feed/Page" → "weir.feed.v1.Feed". */
export function serviceOf(path: string): string {
  return path.slice(1, path.lastIndexOf("/"));
}

function valuesOfContract({ timeoutMs, retries, critical, policy }: PolicyMethod): (readonly [string, PolicyValue])[] {
  const values: (readonly [string, PolicyValue])[] = [];
  if (timeoutMs !== undefined) values.push(["client.timeoutMs", timeoutMs]);
  if (retries !== undefined) values.push(["client.retry.attemptsMax", retries + 1]);
  if (critical === true) values.push(["server.lane", "urgent"]);
  if (policy !== undefined) values.push(...valuesOf(policy));
  return values;
}

/** Values by path as an object of objects. */
export function nested(values: ReadonlyMap<string, PolicyValue>): object {
  const root: Record<string, unknown> = {};
  for (const [path, value] of values) {
    const names = path.split(".");
    const last = names.pop() ?? "";
    let place = root;
    for (const name of names) place = (place[name] ??= {}) as Record<string, unknown>;
    place[last] = value;
  }
  return root;
}

function refuseContradictions({ client }: MethodPolicy, at: string): void {
  const { backoffMsMin, backoffMsMax } = client.retry;
  if (backoffMsMax < backoffMsMin)
    throw invalid(`${at} client.retry.backoffMsMax`, { expected: `at least backoffMsMin, which is ${backoffMsMin}`, found: backoffMsMax });
}
