import type { JsonValue } from "@weir/kit/contract";
import type { JsonObject } from "@weir/kit/contract/json";
import type { Key, Settings } from "@weir/kit/config/configs";
import { maskedValue } from "@weir/kit/config/schema";
import type { ConfigKeysRow, ConfigRow } from "../tables.ts";
import type { Description, SetScope } from "./config-rows.ts";
import { descriptionFrom, scopeFrom } from "./config-rows.ts";

/** What is set for services and what their instances take, in memory as it is stored. */
export interface ConfigBook {
  /** Names of all services that have either, in order. */
  services(): string[];
  scopes(service: string): SetScope[];
  descriptions(service: string): Description[];
  /** The newest change of a service, anywhere in it; undefined when nothing was ever set. */
  newest(service: string): SetScope | undefined;
  /** Everything that is set for instances of one version that take these keys. */
  settings(service: string, instance: { readonly version: string; readonly keys: ReadonlySet<string> }): Settings;
  put(scope: SetScope): void;
  describe(description: Description): void;
  forget(description: Pick<Description, "service" | "version">): void;
  readonly size: number;
}

/** A book with what is stored. */
export function createConfigBook(rows: { readonly configs: readonly ConfigRow[]; readonly keys: readonly ConfigKeysRow[] }): ConfigBook {
  const scopes = new Map(rows.configs.map((row) => [nameOf(row), scopeFrom(row)]));
  const descriptions = new Map(rows.keys.map((row) => [nameOf(row), descriptionFrom(row)]));
  const scopesOf = (service: string): SetScope[] => [...scopes.values()].filter((scope) => scope.service === service);
  const newest = (service: string): SetScope | undefined =>
    scopesOf(service).reduce<SetScope | undefined>((best, scope) => (scope.revision > (best?.revision ?? 0) ? scope : best), undefined);
  return {
    services: () => [...new Set([...scopes.values(), ...descriptions.values()].map(({ service }) => service))].sort(),
    scopes: (service) => scopesOf(service).sort((left, right) => (left.version < right.version ? -1 : 1)),
    descriptions: (service) => [...descriptions.values()].filter((one) => one.service === service),
    newest,
    settings(service, { version, keys }) {
      const { stamp = "", revision = 0 } = newest(service) ?? {};
      const own = ["", version].flatMap((one) => Object.entries(scopes.get(nameOf({ service, version: one }))?.values ?? {}));
      return { stamp, revision: BigInt(revision), values: Object.fromEntries(own.filter(([name]) => keys.has(name))) };
    },
    put: (scope) => void scopes.set(nameOf(scope), scope),
    describe: (description) => void descriptions.set(nameOf(description), description),
    forget: (description) => void descriptions.delete(nameOf(description)),
    get size() {
      return descriptions.size;
    },
  };
}

/** Values as they may be shown: masked when any version calls them secret, or when none knows them and so nobody can tell. */
export function shownValues(values: JsonObject, descriptions: readonly Description[]): JsonObject {
  const shown = Object.entries(values).map(([name, value]): [string, JsonValue] => {
    const specs = descriptions.flatMap(({ keys }) => keys.filter((key) => key.name === name));
    return [name, specs.length === 0 ? maskedValue(value, { secret: true } as Key) : specs.reduce(maskedValue, value)];
  });
  return Object.fromEntries(shown);
}

function nameOf({ service, version }: { readonly service: string; readonly version: string }): string {
  return `${service}\n${version}`;
}
