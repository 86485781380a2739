import type { EffectivePolicy, SourcedValue } from "./effective-policy.ts";

/** What guards one method now, as plain data for a page that shows it. */
export interface MethodPolicyState {
  readonly side: "client" | "server";
  /** Of a client, what it calls; of a server, the app. */
  readonly target: string;
  readonly method: string;
  /** The policies that a call passes, the outermost first. */
  readonly order: readonly string[];
  /** By path, `"client.timeoutMs"`. */
  readonly values: Readonly<Record<string, SourcedValue>>;
  /** What each policy says of itself, by its name. */
  readonly parts: Readonly<Record<string, unknown>>;
}

/** The values of one side with who said them. */
export function valuesOfSide(side: "client" | "server", effective: EffectivePolicy | undefined): MethodPolicyState["values"] {
  const entries = Object.entries(effective?.values ?? {}).filter(([path]) => path.startsWith(`${side}.`));
  return Object.fromEntries(entries);
}
