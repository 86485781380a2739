import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { useWords } from "../context.ts";
import { useScheme } from "../hooks/use-scheme.ts";
import { useWidth } from "../hooks/use-width.ts";
import type { Metric } from "../model/address.ts";
import type { HeatMap } from "../model/heat.ts";
import { spanOf } from "../model/heat-layout.ts";
import type { Line } from "../model/lines.ts";
import type { Words } from "../model/words.ts";
import { colorsOf } from "./colors.ts";
import type { Colors } from "./colors.ts";

/** What the chart shows. */
export interface LineChartProps {
  readonly map: HeatMap;
  readonly lines: readonly Line[];
  readonly metric: Metric;
  readonly newVersion: string;
  readonly stableVersion: string;
}

const heightPx = 132;

/** One line per version over the same time as the heat map below it. New is drawn through, stable dashed. */
export function LineChart(props: LineChartProps): JSX.Element {
  const { map, lines, metric } = props;
  const words = useWords();
  const scheme = useScheme();
  const frame = useRef<HTMLDivElement>(null);
  const chart = useRef<uPlot | null>(null);
  const width = useWidth(frame);
  const Chart = useChart();
  const [hovered, setHovered] = useState<number | null>(null);
  const shape = lines.map((line) => line.version).join(" ");
  const [fromMs, untilMs] = spanOf(map);
  useEffect(() => {
    const element = frame.current;
    if (!element || !Chart || width === 0) return undefined;
    const made = new Chart(optionsOf(props, { element, width, words, onHover: setHovered }), [[], ...lines.map(() => [])], element);
    chart.current = made;
    return () => {
      chart.current = null;
      made.destroy();
    };
  }, [Chart, width, scheme, words, shape, metric, props.newVersion, props.stableVersion]);
  useEffect(() => {
    const halfMs = (map.columnSeconds * 1000) / 2;
    const data: uPlot.AlignedData = [map.fromMs.map((at) => (at + halfMs) / 1000), ...lines.map((line) => [...line.values])];
    chart.current?.setData(data, false);
    chart.current?.setScale("x", { min: fromMs / 1000, max: untilMs / 1000 });
  }, [Chart, map, lines, width, scheme, words, shape, metric]);
  const title = words.say(metric === "requests" ? "traffic.lineRequests" : metric === "errors" ? "traffic.lineErrors" : "traffic.lineP99");
  return (
    <figure class="chart">
      <figcaption>
        <span>{title}</span>
        <ChartLegend {...props} hovered={hovered} />
      </figcaption>
      <div class="chart-frame" ref={frame} aria-hidden="true" />
    </figure>
  );
}

/** The chart library, loaded when the first chart is drawn: whoever signs in does not wait for it. */
function useChart(): typeof uPlot | undefined {
  const [loaded, setLoaded] = useState<{ readonly chart: typeof uPlot } | undefined>(undefined);
  useEffect(() => {
    // When it cannot be loaded the legend still tells the numbers; the next visit tries again.
    import("uplot").then(
      (module) => setLoaded({ chart: module.default }),
      () => undefined,
    );
  }, []);
  return loaded?.chart;
}

/** Values under the pointer, else the newest; also what those who do not see the lines are told. */
function ChartLegend(props: LineChartProps & { readonly hovered: number | null }): JSX.Element {
  const words = useWords();
  const at = props.hovered ?? newestOf(props.lines);
  return (
    <span class="chart-legend">
      {props.lines.map((line) => {
        const value = line.values[at] ?? null;
        return (
          <span key={line.version} class="chart-key" data-version={roleOf(line.version, props)}>
            <i aria-hidden="true" />
            {line.version} <b>{value === null ? "–" : props.metric === "p99" ? words.latency(value) : words.rate(value)}</b>
          </span>
        );
      })}
    </span>
  );
}

/** The newest column that some line has a value in. */
function newestOf(lines: readonly Line[]): number {
  return Math.max(0, ...lines.map((line) => line.values.findLastIndex((value) => value !== null)));
}

function roleOf(version: string, props: LineChartProps): "new" | "stable" | "other" {
  return version === props.newVersion ? "new" : version === props.stableVersion ? "stable" : "other";
}

interface ChartSetting {
  readonly element: HTMLElement;
  readonly width: number;
  readonly words: Words;
  readonly onHover: (index: number | null) => void;
}

function optionsOf(props: LineChartProps, setting: ChartSetting): uPlot.Options {
  const { element, width, words } = setting;
  const colors = colorsOf(element);
  const style = getComputedStyle(element);
  const font = `11px ${style.fontFamily}`;
  const gutter = Number.parseFloat(style.getPropertyValue("--gutter")) || 120;
  const axis = { stroke: colors.faint, font, ticks: { show: false } };
  return {
    width,
    height: heightPx,
    padding: [8, 0, 4, 0],
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 5 } },
    scales: { x: { time: true }, y: { range: (_chart, _min, max) => [0, niceTop(max)] } },
    hooks: { setCursor: [(chart) => setting.onHover(chart.cursor.idx ?? null)] },
    axes: [
      { ...axis, show: false },
      {
        ...axis,
        size: gutter,
        gap: 8,
        grid: { stroke: colors.line, width: 1 },
        space: 32,
        values: (_chart, ticks) => ticks.map((tick) => words.rate(tick)),
      },
    ],
    series: [{}, ...props.lines.map((line) => seriesOf(line, props, colors))],
  };
}

function niceTop(max: number | null): number {
  return max && max > 0 ? max * 1.12 : 1;
}

function seriesOf(line: Line, props: LineChartProps, colors: Colors): uPlot.Series {
  const role = roleOf(line.version, props);
  const stroke = role === "new" ? colors.accent : role === "stable" ? colors.stable : colors.other;
  const dash = role === "new" ? undefined : role === "stable" ? [5, 3] : [1, 3];
  return { label: line.version, stroke, width: role === "new" ? 2 : 1.5, dash, points: { show: false }, spanGaps: false };
}
