import type { JSX } from "preact";
import type { TrafficCell } from "@weir/api/traffic";
import { useWords } from "../context.ts";
import type { Metric } from "../model/address.ts";
import type { HeatMap } from "../model/heat.ts";
import { cellValue, heatRows, secondsOf } from "../model/heat.ts";
import type { Words } from "../model/words.ts";

/** The heat map as a table, newest column first: for readers of the screen and for reading off numbers. */
export function HeatTable(props: { readonly map: HeatMap; readonly metric: Metric }): JSX.Element {
  const { map, metric } = props;
  const words = useWords();
  const columns = map.fromMs.map((_, index) => index).toReversed();
  return (
    <div class="table-frame" tabIndex={0} role="region" aria-label={words.say("heat.title")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col">{words.say("heat.instance")}</th>
            <th scope="col">{words.say("heat.version")}</th>
            {columns.map((column) => (
              <th key={column} scope="col" class="number">
                {words.time(map.fromMs[column] ?? 0)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {heatRows(map).map((row) => (
            <tr key={row.instance}>
              <th scope="row">
                {row.address || row.instance}
                {row.gone && ` (${words.say("heat.gone")})`}
              </th>
              <td>{row.version}</td>
              {columns.map((column) => (
                <td key={column} class="number">
                  {valueText(row.cells[column], { metric, seconds: secondsOf(map, column), words })}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function valueText(
  cell: TrafficCell | undefined,
  options: { readonly metric: Metric; readonly seconds: number; readonly words: Words },
): string {
  const { metric, seconds, words } = options;
  const value = cellValue(cell, metric, seconds);
  if (value === undefined) return cell ? words.say("heat.idle") : "–";
  return metric === "requests" ? words.rate(value) : metric === "p99" ? words.latency(value) : words.count(value);
}
