import type { JsonValue } from "../contract/contract.ts";
import { parseJson } from "../contract/json-text.ts";
import { fault } from "../fault.ts";
import type { Key, Problem } from "./config.weir.ts";
import { Kind } from "./config.weir.ts";
import { nearestName } from "./nearest-name.ts";
import { foundText, problemsText } from "./place.ts";
import { configReasons } from "./reasons.ts";
import type { ConfigSource } from "./source.ts";

/** Which variables a configuration is read from. */
export interface EnvironmentSourceOptions {
  /**
   * Begins their names: with "FEED_CONFIG_", `cache.ttlMs` is FEED_CONFIG_CACHE_TTL_MS. Take one that nothing else uses: a name under
   * it that no key has is refused, and Kubernetes makes FEED_SERVICE_HOST and FEED_PORT out of a service called feed.
   */
  readonly prefix: string;
  /** Of the process, handed over by its main: `process.env`. Empty ones count as absent. */
  readonly variables: Readonly<Record<string, string | undefined>>;
}

/**
 * Values from the environment, read once. Texts are taken as they are, flags are true or false, lists are JSON or divided by commas,
 * maps and records are JSON. Starting rejects with CONFIG_INVALID.
 */
export function environmentSource({ prefix, variables }: EnvironmentSourceOptions): ConfigSource {
  return {
    kind: "environment",
    name: `environment ${prefix}*`,
    async start({ schema, offer }) {
      const names = new Map([...schema.keys.keys()].map((key) => [`${prefix}${variableName(key)}`, key]));
      const values = new Map<string, JsonValue>();
      const problems: Problem[] = [];
      for (const [variable, given] of Object.entries(variables)) {
        if (!variable.startsWith(prefix) || !given) continue;
        const key = names.get(variable);
        const spec = key === undefined ? undefined : schema.keys.get(key)?.spec;
        if (key === undefined || !spec) problems.push(unknownVariable(variable, names.keys()));
        else {
          const read = jsonFrom(given, spec);
          if (read.fits) values.set(key, read.json);
          else problems.push({ key: variable, expected: "JSON", found: foundText(given, hasSecret(spec)) });
        }
      }
      const whereIs = (at: string): string | undefined => {
        const key = [...schema.keys.keys()].find((name) => at === name || at.startsWith(`${name}.`) || at.startsWith(`${name}[`));
        return key === undefined ? undefined : `${prefix}${variableName(key)}`;
      };
      const outcome = await offer({ revision: "start", values, problems, whereIs });
      if (!outcome.taken) throw fault(configReasons.CONFIG_INVALID, `The environment cannot be used: ${problemsText(outcome.problems)}.`);
    },
    state: () => ({ state: "read once" }),
    stop: async () => undefined,
  };
}

/** CACHE_TTL_MS of "cache.ttlMs". */
export function variableName(key: string): string {
  return key
    .replaceAll(".", "_")
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toUpperCase();
}

function unknownVariable(variable: string, known: Iterable<string>): Problem {
  const nearest = nearestName(variable, known);
  return {
    key: variable,
    expected: nearest === undefined ? "a variable that some key has" : `a known variable, the nearest is ${nearest}`,
    found: "another",
  };
}

function jsonFrom(given: string, spec: Key): { fits: true; json: JsonValue } | { fits: false } {
  switch (spec.kind) {
    case Kind.TEXT:
    case Kind.CHOICE:
      return { fits: true, json: given };
    case Kind.FLAG:
      return { fits: true, json: given === "true" ? true : given === "false" ? false : given };
    case Kind.INTEGER:
    case Kind.NUMBER:
    case Kind.DURATION:
    case Kind.BYTES:
      // What is no number is refused, or read with its unit, by the key itself.
      return { fits: true, json: /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(given) ? Number(given) : given };
    case Kind.LIST:
      return given.trimStart().startsWith("[") ? parsedJson(given) : listFrom(given, spec.item);
    case Kind.MAP:
    case Kind.RECORD:
    case Kind.JSON:
    case Kind.UNSPECIFIED:
      return parsedJson(given);
  }
}

function parsedJson(given: string): { fits: true; json: JsonValue } | { fits: false } {
  try {
    return { fits: true, json: parseJson(given) };
  } catch {
    return { fits: false };
  }
}

function listFrom(given: string, item: Key | undefined): { fits: true; json: JsonValue } | { fits: false } {
  const parts = given.split(",").map((part) => (item ? jsonFrom(part.trim(), item) : { fits: false as const }));
  if (!parts.every((part) => part.fits)) return { fits: false };
  return { fits: true, json: parts.map(({ json }) => json) };
}

function hasSecret(spec: Key): boolean {
  return spec.secret || spec.fields.some(hasSecret) || (spec.item !== undefined && hasSecret(spec.item));
}
