import type { JSX, TargetedKeyboardEvent, TargetedPointerEvent } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { useWords } from "../context.ts";
import { useScheme } from "../hooks/use-scheme.ts";
import { useWidth } from "../hooks/use-width.ts";
import type { Metric } from "../model/address.ts";
import type { HeatMap as Map, HeatPlace } from "../model/heat.ts";
import { heatRows, placeAfterKey } from "../model/heat.ts";
import type { HeatLayout, MarkPlace } from "../model/heat-layout.ts";
import { heatLayoutOf, heights, placeAt } from "../model/heat-layout.ts";
import type { Scale } from "../model/scale.ts";
import { cellText } from "./cell-text.ts";
import { colorsOf } from "./colors.ts";
import { drawHeat } from "./heat-drawing.ts";
import { HeatLabels } from "./heat-labels.tsx";

/** What the heat map shows. */
export interface HeatMapProps {
  readonly map: Map;
  readonly metric: Metric;
  readonly scale: Scale;
  /** Places of the audit's marks over a plot of the given width. */
  readonly marksOver: (width: number) => readonly MarkPlace[];
  readonly newVersion: string;
  readonly stableVersion: string;
}

/** Instances over time, one canvas; moved over by pointer or arrow keys, each cell told in words. */
export function HeatMap(props: HeatMapProps): JSX.Element {
  const { map, metric } = props;
  const words = useWords();
  const plot = useRef<HTMLDivElement>(null);
  const width = useWidth(plot);
  const layout = useMemo(() => heatLayoutOf(map), [map]);
  const [cursor, setCursor] = useState<HeatPlace | undefined>(undefined);
  const canvas = useHeatCanvas(props, { layout, width, cursor });
  const rows = heatRows(map);
  const told = cursor && cellText(map, cursor, words);
  const hover = (event: TargetedPointerEvent<HTMLDivElement>): void => {
    const box = event.currentTarget.getBoundingClientRect();
    setCursor(placeAt(layout, { x: event.clientX - box.left, y: event.clientY - box.top, width, columns: map.fromMs.length }));
  };
  const press = (event: TargetedKeyboardEvent<HTMLDivElement>): void => {
    const from = cursor ?? { row: 0, column: map.fromMs.length };
    const next = event.key === "Escape" ? undefined : placeAfterKey(from, event.key, map);
    if (next === undefined && event.key !== "Escape") return;
    event.preventDefault();
    setCursor(next);
  };
  const label = words.say("heat.label", {
    metric: words.say(`traffic.${metric}`),
    rows: rows.length,
    columns: map.fromMs.length,
    seconds: map.columnSeconds,
  });
  return (
    <div class="heat">
      <HeatLabels layout={layout} newVersion={props.newVersion} stableVersion={props.stableVersion} />
      <div
        class="heat-plot"
        ref={plot}
        role="group"
        tabIndex={0}
        aria-label={label}
        onPointerMove={hover}
        onPointerLeave={() => setCursor(undefined)}
        onKeyDown={press}
        onBlur={() => setCursor(undefined)}
      >
        <canvas ref={canvas} aria-hidden="true" />
        {cursor && told && <Tooltip text={told} place={cursor} layout={layout} columns={map.fromMs.length} />}
        <p class="hidden" aria-live="polite">
          {told?.join(" ")}
        </p>
      </div>
    </div>
  );
}

function useHeatCanvas(
  props: HeatMapProps,
  shown: { readonly layout: HeatLayout; readonly width: number; readonly cursor: HeatPlace | undefined },
): { current: HTMLCanvasElement | null } {
  const canvas = useRef<HTMLCanvasElement>(null);
  const words = useWords();
  const scheme = useScheme();
  const { layout, width, cursor } = shown;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || width === 0) return;
    const height = layout.height + heights.axis;
    const ratio = devicePixelRatio || 1;
    element.width = Math.round(width * ratio);
    element.height = Math.round(height * ratio);
    element.style.width = `${width}px`;
    element.style.height = `${height}px`;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { map, metric, scale } = props;
    const font = `11px ${getComputedStyle(element).fontFamily}`;
    drawHeat(context, {
      map,
      metric,
      scale,
      layout,
      cursor,
      width,
      font,
      marks: props.marksOver(width),
      colors: colorsOf(element.parentElement ?? element),
      time: words.time,
    });
  }, [props.map, props.metric, props.scale, props.marksOver, layout, width, cursor, scheme, words]);
  return canvas;
}

function Tooltip(props: {
  readonly text: readonly string[];
  readonly place: HeatPlace;
  readonly layout: HeatLayout;
  readonly columns: number;
}): JSX.Element {
  const { place, layout, columns } = props;
  const line = layout.lines.find((one) => one.kind === "row" && one.index === place.row);
  const at = ((place.column + 0.5) / columns) * 100;
  const side = at < 50 ? { left: `${at}%` } : { right: `${100 - at}%` };
  return (
    <div class="tooltip" aria-hidden="true" style={{ top: `${(line?.top ?? 0) + heights.row + 4}px`, ...side }}>
      {props.text.map((one) => (
        <span key={one}>{one}</span>
      ))}
    </div>
  );
}
