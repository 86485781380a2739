import type { JSX } from "preact";
import { useWords } from "../context.ts";
import type { Metric } from "../model/address.ts";
import { errorPartMin } from "../model/heat.ts";
import type { Scale } from "../model/scale.ts";
import type { Words } from "../model/words.ts";

const units = { requests: "heat.unitRequests", errors: "heat.unitErrors", p99: "heat.unitP99" } as const;

/** What the colours mean, in numbers, and the signs that are no colours. */
export function HeatLegend(props: { readonly metric: Metric; readonly scale: Scale }): JSX.Element {
  const { metric, scale } = props;
  const words = useWords();
  return (
    <ul class="legend" aria-label={words.say("heat.legend")}>
      <li class="legend-unit">{words.say(units[metric])}</li>
      {["0", ...scale.bounds.map((bound, index) => boundText(bound, { first: index === 0, words }))].map((text, step) => (
        <li key={step} class="legend-step">
          <i class="swatch" data-metric={metric} data-step={step} aria-hidden="true" />
          {text}
        </li>
      ))}
      <li class="legend-sign">
        {metric === "errors" ? words.say("heat.errorGlyph") : words.say("heat.errorPartGlyph", { part: words.percent(errorPartMin) })}
      </li>
      <li class="legend-sign">{words.say("heat.goneGlyph")}</li>
      <li class="legend-sign">{words.say("heat.noReportGlyph")}</li>
    </ul>
  );
}

function boundText(bound: number, options: { readonly first: boolean; readonly words: Words }): string {
  const { first, words } = options;
  if (first && bound < 1e-9) return ">0";
  return `≥${words.rate(bound)}`;
}
