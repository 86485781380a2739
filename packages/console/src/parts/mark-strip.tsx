import type { JSX } from "preact";
import { useWords } from "../context.ts";
import type { AuditMark } from "../model/audit.ts";
import type { MarkPlace } from "../model/heat-layout.ts";
import type { Words } from "../model/words.ts";

/** Labels of the audit's lines, above the map: what was changed and, on hover or focus, by whom and why. */
export function MarkStrip(props: { readonly places: readonly MarkPlace[] }): JSX.Element {
  const words = useWords();
  return (
    <div class="marks">
      {props.places.map(({ mark, x, label }) => (
        <span
          key={String(mark.sequence)}
          class="mark-flag"
          data-label={label}
          style={{ left: `calc(var(--gutter) + ${x}px)` }}
          title={markText(mark, words)}
        >
          <span aria-hidden="true">{label !== "none" ? shortText(mark, words) : ""}</span>
          <span class="hidden">{markText(mark, words)}</span>
        </span>
      ))}
    </div>
  );
}

function shortText(mark: AuditMark, words: Words): string {
  return mark.weight === undefined ? "•" : `→ ${words.share(mark.weight)}`;
}

function markText(mark: AuditMark, words: Words): string {
  const change = mark.weight === undefined ? mark.entry.action : `→ ${words.share(mark.weight)}`;
  return words.say("heat.mark", { time: words.time(mark.atMs), actor: mark.entry.actor, change, reason: mark.entry.reason });
}
