import type { Problem, PutRequest } from "@weir/kit/config/configs";
import { Problem as ProblemMessage } from "@weir/kit/config/configs";
import { refuseUnknown } from "@weir/kit/config/key";
import type { Place } from "@weir/kit/config/place";
import { problemsText, secretMask } from "@weir/kit/config/place";
import { keysFrom, readValues } from "@weir/kit/config/schema";
import type { JsonValue } from "@weir/kit/contract";
import type { JsonObject } from "@weir/kit/contract/json";
import type { Fault } from "@weir/kit/fault";
import { fault } from "@weir/kit/fault";
import { detailFromMessage } from "@weir/kit/rpc/fault-detail";
import { quoted } from "../quoted.ts";
import { controlReasons } from "../reasons.ts";
import type { Description } from "./config-rows.ts";

const valuesBytesMax = 256 * 1024;

/** What a change is checked against. */
export interface PutContext {
  /** What is set in the scope of the change. */
  readonly before: JsonObject;
  /** What the instances concerned take. */
  readonly descriptions: readonly Description[];
}

/**
 * The values of a scope after a change. Rejects with CONFIG_VALUES_INVALID, naming every key with what was expected and what was
 * found, unless each value is known to some version and fits every version that knows it.
 */
export function checkedValues({ service, values = {}, remove }: PutRequest, { before, descriptions }: PutContext): JsonObject {
  if (descriptions.length === 0) {
    throw fault(controlReasons.CONFIG_SERVICE_UNKNOWN, `Expected a service and version that has subscribed, found ${quoted(service)}.`);
  }
  const place: Place = { path: "", secret: false, problems: [] };
  const known = [...new Set(descriptions.flatMap(({ keys }) => keys.map(({ name }) => name)))];
  refuseUnknown(Object.keys(values), { known, place });
  refuseUnknown(remove, { known: [...known, ...Object.keys(before)], place });
  const problems: Problem[] = [...place.problems];
  for (const { keys: specs } of descriptions) {
    const keys = keysFrom(specs);
    const own = new Map<string, JsonValue>(Object.entries(values).filter(([name]) => keys.has(name)));
    problems.push(...readValues(own, keys).problems);
    for (const { name, secret } of specs) {
      if (secret && values[name] === secretMask)
        problems.push({ key: name, expected: "the secret itself", found: "what stands in its place" });
    }
  }
  for (const name of remove) if (Object.hasOwn(values, name)) problems.push({ key: name, expected: "to be set or removed", found: "both" });
  const kept = Object.entries(before).filter(([name]) => !remove.includes(name));
  const after: JsonObject = Object.fromEntries([...kept, ...Object.entries(values)]);
  const bytes = Buffer.byteLength(JSON.stringify(after));
  if (bytes > valuesBytesMax) problems.push({ key: "", expected: `at most ${valuesBytesMax} bytes in all`, found: `${bytes}` });
  if (problems.length > 0) throw invalid(problems);
  return after;
}

function invalid(problems: readonly Problem[]): Fault {
  const distinct = [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()];
  const details = distinct.slice(0, 20).map((problem) => detailFromMessage(ProblemMessage, problem));
  return fault(controlReasons.CONFIG_VALUES_INVALID, `The change cannot stand: ${problemsText(distinct)}.`, { details });
}
