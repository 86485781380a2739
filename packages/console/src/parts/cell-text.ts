import type { HeatMap, HeatPlace } from "../model/heat.ts";
import { heatRows } from "../model/heat.ts";
import type { Words } from "../model/words.ts";

/** A cell in words, line by line: whose, when, what. Undefined when there is no such cell. */
export function cellText(map: HeatMap, place: HeatPlace, words: Words): readonly string[] | undefined {
  const row = heatRows(map)[place.row];
  const fromMs = map.fromMs[place.column];
  if (!row || fromMs === undefined) return undefined;
  const cell = row.cells[place.column];
  const whose = words.say("heat.cellWhose", { instance: row.instance, version: row.version });
  const when = `${words.time(fromMs)} – ${words.time(fromMs + map.columnSeconds * 1000)}`;
  if (!cell) return [whose, when, words.say("heat.noReport")];
  if (cell.requests === 0 && cell.errors === 0) return [whose, when, words.say("heat.idle")];
  const counts = words.say("heat.cellCounts", { requests: cell.requests, errors: cell.errors });
  return [whose, when, counts, words.say("heat.cellP99", { p99: words.latency(cell.p99Ms) })];
}
