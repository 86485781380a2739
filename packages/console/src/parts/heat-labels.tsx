import type { JSX } from "preact";
import { useWords } from "../context.ts";
import type { HeatRow } from "../model/heat.ts";
import type { HeatLayout } from "../model/heat-layout.ts";
import { heights, rowNames } from "../model/heat-layout.ts";
import { Glyph } from "./glyph.tsx";

/** Names of versions and instances beside the map's rows. Gone instances stay, and say so. */
export function HeatLabels(props: {
  readonly layout: HeatLayout;
  readonly newVersion: string;
  readonly stableVersion: string;
}): JSX.Element {
  const words = useWords();
  const roleOf = (version: string): string =>
    words.say(version === props.newVersion ? "heat.roleNew" : version === props.stableVersion ? "heat.roleStable" : "heat.roleOther");
  const names = rowNames(props.layout.lines.flatMap((line) => (line.kind === "row" ? [line.row] : [])));
  return (
    <div class="heat-labels">
      {props.layout.lines.map((line) =>
        line.kind === "group" ? (
          <div key={`group ${line.version}`} class="heat-group" style={{ height: `${heights.group}px` }}>
            <b>{line.version}</b> <span class="faint">{roleOf(line.version)}</span>
          </div>
        ) : (
          <RowLabel key={line.row.instance} row={line.row} name={names.get(line.row.instance) ?? line.row.instance} />
        ),
      )}
    </div>
  );
}

function RowLabel(props: { readonly row: HeatRow; readonly name: string }): JSX.Element {
  const { row, name } = props;
  const words = useWords();
  const gone = row.lastHeardAtMs > 0 ? words.say("heat.goneSince", { time: words.time(row.lastHeardAtMs) }) : words.say("heat.gone");
  return (
    <div
      class="heat-row-label"
      data-gone={row.gone}
      style={{ height: `${heights.row}px` }}
      title={[row.instance, row.address, row.gone ? gone : ""].filter((part) => part !== "").join(" · ")}
    >
      {row.gone && <Glyph name="cross" />}
      <span class="heat-name">{name}</span>
      {row.gone && <span class="heat-gone">{words.say("heat.gone")}</span>}
    </div>
  );
}
