import type { ChainRun } from "./run.ts";
import type { Second } from "./timeline.ts";

const [width, height, left, gap, rowGap] = [220, 90, 52, 26, 40];
const latencyMsMax = 6000;
const names = { none: "no policies", weir: "Weir, defaults", opossum: "opossum", cockatiel: "cockatiel" } as const;
const phases = ["normal", "×50 slow", "fails", "back"];

/** Success and P99 by second, one column a variant, as an SVG that reads on light and dark. The first row is the front's other routes. */
export function plotOf(runs: readonly ChainRun[]): string {
  const rows = [
    { title: "other routes: success", of: (run: ChainRun) => run.figures.seconds.others, y: share, ticks: ["0 %", "100 %"] },
    { title: "other routes: P99", of: (run: ChainRun) => run.figures.seconds.others, y: latency, ticks: ["10 ms", "6 s"] },
    { title: "deep route: success", of: (run: ChainRun) => run.figures.seconds.deep, y: share, ticks: ["0 %", "100 %"] },
    { title: "deep route: P99", of: (run: ChainRun) => run.figures.seconds.deep, y: latency, ticks: ["10 ms", "6 s"] },
  ];
  const wide = left + runs.length * (width + gap);
  const high = 30 + rows.length * (height + rowGap);
  const parts = rows.flatMap(({ title, of, y, ticks: [low = "", top = ""] }, row) => {
    const at = 36 + row * (height + rowGap);
    const labels = text(left, at - 6, title) + text(4, at + height, low) + text(4, at + 9, top);
    return [labels, ...runs.map((run, column) => panel(of(run), y, { x: left + column * (width + gap), y: at }))];
  });
  const heads = runs.map(({ variant }, column) => text(left + column * (width + gap) + width - 4, 14, names[variant], "end"));
  const style =
    "text{font:11px system-ui,sans-serif;fill:#7a7a7a}.l{fill:none;stroke:#2f81f7;stroke-width:1.6}.f{fill:#8884}.p{stroke:#8886}";
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${wide} ${high}" role="img" aria-label="A chain of four services whose last becomes slow, fails and returns">`;
  return [open, `<style>${style}</style>`, ...heads, ...parts, "</svg>", ""].join("\n");
}

function panel(seconds: readonly Second[], y: (second: Second) => number, at: { readonly x: number; readonly y: number }): string {
  const step = width / Math.max(1, seconds.length);
  const points = seconds.map((second, index) => {
    const height_ = Math.max(0, Math.min(1, y(second))) * height;
    return `${(at.x + (index + 0.5) * step).toFixed(1)},${(at.y + height - height_).toFixed(1)}`;
  });
  const ends = phases.map((name, index) => {
    const x = at.x + (index * width) / phases.length;
    return `<line class="p" x1="${x}" y1="${at.y}" x2="${x}" y2="${at.y + height}"/>${text(x + 3, at.y + height + 11, name)}`;
  });
  return `<rect class="f" x="${at.x}" y="${at.y}" width="${width}" height="${height}"/>${ends.join("")}<polyline class="l" points="${points.join(" ")}"/>`;
}

function share({ success }: Second): number {
  return success;
}

/** On a scale of powers: 10 ms below, 6 s above. Nothing that succeeded is shown as all that a user waits. */
function latency({ p99Ms, success }: Second): number {
  const ms = success === 0 ? latencyMsMax : Math.max(10, p99Ms);
  return Math.log(ms / 10) / Math.log(latencyMsMax / 10);
}

function text(x: number, y: number, value: string, anchor = "start"): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}">${value.replaceAll("&", "&amp;").replaceAll("<", "&lt;")}</text>`;
}
