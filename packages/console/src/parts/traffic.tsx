import type { JSX } from "preact";
import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useWords } from "../context.ts";
import { useWidth } from "../hooks/use-width.ts";
import type { Address, Metric, WindowS } from "../model/address.ts";
import { columnSecondsOf, windowsS } from "../model/address.ts";
import type { AuditMark } from "../model/audit.ts";
import type { HeatMap as Map } from "../model/heat.ts";
import { heatMapFrom, heatValues } from "../model/heat.ts";
import { markPlacesOf } from "../model/heat-layout.ts";
import { linesFrom } from "../model/lines.ts";
import type { LiveState } from "../model/live.ts";
import { serverNowMs } from "../model/live.ts";
import type { Scale } from "../model/scale.ts";
import { countScale, evenScale, factorScale } from "../model/scale.ts";
import { HeatLegend } from "./heat-legend.tsx";
import { HeatMap } from "./heat-map.tsx";
import { HeatTable } from "./heat-table.tsx";
import { LineChart } from "./line-chart.tsx";
import { MarkStrip } from "./mark-strip.tsx";
import { Switch } from "./switch.tsx";

/** What the traffic card shows. */
export interface TrafficProps {
  readonly live: LiveState;
  readonly marks: readonly AuditMark[];
  readonly address: Address;
  readonly onAddress: (change: Partial<Address>) => void;
}

const labelWidth = 52;

/** The traffic of the release: lines by version, instances over time below them, changes as lines across both. */
export function Traffic(props: TrafficProps): JSX.Element {
  const { live, address, marks } = props;
  const { metric } = address;
  const words = useWords();
  const [table, setTable] = useState(false);
  const release = live.release?.message.release;
  const [newVersion, stableVersion] = [release?.newVersion ?? "", release?.stableVersion ?? ""];
  const map = useMemo(() => mapFrom(live, address.windowS), [live, address.windowS]);
  const scale = useMemo(() => scaleFrom(map, metric), [map, metric]);
  const lines = useMemo(() => linesFrom(map, metric), [map, metric]);
  const marksOver = useCallback((width: number) => markPlacesOf(marks, map, { width, labelWidth }), [marks, map]);
  const frame = useRef<HTMLDivElement>(null);
  const gutter = useGutter(frame);
  const width = Math.max(0, useWidth(frame) - gutter);
  const shown = { map, metric, newVersion, stableVersion };
  return (
    <section class="card traffic" aria-labelledby="traffic-title">
      <div class="card-head">
        <h2 id="traffic-title">{words.say("traffic.title")}</h2>
        <TrafficSwitches address={address} onAddress={props.onAddress} />
      </div>
      <div ref={frame} class="traffic-frame">
        {map.groups.length === 0 ? (
          <p class="empty">{words.say(live.traffic ? "traffic.none" : "delta.waiting")}</p>
        ) : (
          <>
            <LineChart {...shown} lines={lines} />
            <MarkStrip places={marksOver(width)} />
            {table ? <HeatTable map={map} metric={metric} /> : <HeatMap {...shown} scale={scale} marksOver={marksOver} />}
          </>
        )}
      </div>
      <div class="traffic-foot">
        <HeatLegend metric={metric} scale={scale} />
        <button type="button" class="button small" aria-pressed={table} onClick={() => setTable(!table)}>
          {words.say(table ? "heat.map" : "heat.table")}
        </button>
      </div>
    </section>
  );
}

function TrafficSwitches(props: Pick<TrafficProps, "address" | "onAddress">): JSX.Element {
  const { address, onAddress } = props;
  const words = useWords();
  const metrics = (["requests", "errors", "p99"] as const).map((value) => ({ value, text: words.say(`traffic.${value}`) }));
  const windows = windowsS.map((value) => ({ value, text: words.say(`traffic.window${value}`) }));
  return (
    <div class="switches">
      <Switch<Metric>
        name="metric"
        label={words.say("traffic.metric")}
        value={address.metric}
        choices={metrics}
        onChange={(metric) => onAddress({ metric })}
      />
      <Switch<WindowS>
        name="window"
        label={words.say("traffic.window")}
        value={address.windowS}
        choices={windows}
        onChange={(windowS) => onAddress({ windowS })}
      />
    </div>
  );
}

function mapFrom(live: LiveState, windowS: WindowS): Map {
  const view = live.release?.message;
  const release = view?.release;
  const nowMs = live.traffic ? live.traffic.nowMs : live.release ? serverNowMs(live.release, live.release.heardMs) : 0;
  const versions = [release?.newVersion ?? "", release?.stableVersion ?? "", ...(view?.versions ?? [])].filter((version) => version !== "");
  return heatMapFrom({
    columns: live.columns,
    instances: view?.instances ?? [],
    versions,
    columnSeconds: columnSecondsOf(windowS),
    columnCount: 60,
    nowMs,
  });
}

function scaleFrom(map: Map, metric: Metric): Scale {
  const values = heatValues(map, metric);
  return metric === "requests" ? evenScale(values) : metric === "errors" ? countScale(values) : factorScale(values);
}

/** Width of the column of labels left of the plots, as the style sheet has it for this width of the window. */
function useGutter(frame: { readonly current: HTMLElement | null }): number {
  const [gutter, setGutter] = useState(0);
  const width = useWidth(frame);
  useEffect(() => {
    if (frame.current) setGutter(Number.parseFloat(getComputedStyle(frame.current).getPropertyValue("--gutter")) || 0);
  }, [frame, width]);
  return gutter;
}
