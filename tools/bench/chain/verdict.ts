import type { ChainRun } from "./run.ts";
import type { PhaseFigures } from "./timeline.ts";
import { isNormal, normal } from "./timeline.ts";

/** A load that is later than this measures itself. */
export const lateMsMax = 100;
/** Everything has to be normal again by then. */
export const recoveredMsMax = 5000;

const trouble = ["slow", "fails", "back"] as const;

/** What has to be true of a run with all four variants; what is not, in words. Empty when all is. */
export function shortfalls(runs: readonly ChainRun[]): string[] {
  const found = runs.flatMap((run) => {
    const { variant, lateMsP99 } = run;
    return lateMsP99 > lateMsMax ? [`INVALID: ${variant}: calls were sent ${lateMsP99.toFixed(0)} ms late at the 99th percentile`] : [];
  });
  const weir = runs.find(({ variant }) => variant === "weir")?.figures;
  const none = runs.find(({ variant }) => variant === "none")?.figures;
  if (weir) {
    for (const phase of trouble) {
      if (!isNormal(weir.others[phase], weir.others.normal))
        found.push(
          `weir: expected the other routes at ≥ ${normal.successMin * 100} % and ≤ ${normal.p99TimesMax} × P99 (${phase}), found ${text(weir.others[phase])}`,
        );
    }
    if (!(weir.recoveredMs <= recoveredMsMax)) found.push(`weir: expected all to be normal within 5 s, found ${seconds(weir.recoveredMs)}`);
  }
  // A chain that nothing can take down shows nothing.
  if (none && isNormal(none.others.slow, none.others.normal))
    found.push("INVALID: without policies the front stood as well: the fault is none");
  return found;
}

/** A table of the runs, for people and for docs/EVIDENCE.md. */
export function chainTable(runs: readonly ChainRun[]): string {
  const head = ["", "other routes, normal", "slow", "failing", "back", "deep route, slow", "all normal after"];
  const rows = runs.map(({ variant, figures: { others, deep, recoveredMs } }) => [
    variant === "none" ? "no policies" : variant,
    text(others.normal),
    text(others.slow),
    text(others.fails),
    text(others.back),
    text(deep.slow),
    seconds(recoveredMs),
  ]);
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function text({ success, p99Ms }: PhaseFigures): string {
  return `${(success * 100).toFixed(success > 0.999 && success < 1 ? 2 : 1)} %, ${p99Ms.toFixed(0)} ms`;
}

function seconds(ms: number): string {
  return ms === Infinity ? "not" : `${(ms / 1000).toFixed(1)} s`;
}
