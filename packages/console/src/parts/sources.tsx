import type { JSX } from "preact";
import { useWords } from "../context.ts";
import { useNow } from "../hooks/use-now.ts";
import type { Freshness, FreshSource } from "../model/freshness.ts";
import { sourcesOf } from "../model/freshness.ts";
import type { LiveState } from "../model/live.ts";
import { serverNowMs } from "../model/live.ts";
import type { GlyphName, Tone } from "./glyph.tsx";
import { Glyph, Mark } from "./glyph.tsx";

const looks: Readonly<Record<Freshness, { readonly tone: Tone; readonly glyph: GlyphName }>> = {
  fresh: { tone: "good", glyph: "check" },
  late: { tone: "warn", glyph: "wait" },
  stale: { tone: "bad", glyph: "warning" },
  never: { tone: "calm", glyph: "question" },
  off: { tone: "bad", glyph: "off" },
};

/** How old each source of the page is. Ages tick; what is late or stale says so in words. */
export function Sources(props: { readonly live: LiveState }): JSX.Element {
  const words = useWords();
  const monotonicMs = useNow();
  const nowMs = props.live.release ? serverNowMs(props.live.release, monotonicMs) : 0;
  return (
    <section class="card sources" aria-labelledby="sources-title">
      <h2 id="sources-title">{words.say("sources.title")}</h2>
      <ul class="source-list">
        {sourcesOf(props.live, monotonicMs).map((source) => (
          <Source key={`${source.kind} ${source.name}`} source={source} nowMs={nowMs} />
        ))}
      </ul>
    </section>
  );
}

function Source(props: { readonly source: FreshSource; readonly nowMs: number }): JSX.Element {
  const { source, nowMs } = props;
  const words = useWords();
  const { tone, glyph } = looks[source.freshness];
  return (
    <li class="source" data-tone={tone}>
      <span class="source-name">{source.name || words.say(`sources.${source.kind}`)}</span>
      <Mark tone={tone} glyph={glyph}>
        {words.say(`sources.${source.freshness}`)}
      </Mark>
      <span class="source-age">{source.ageMs === undefined ? "" : words.say("sources.age", { age: words.age(source.ageMs) })}</span>
      {source.revision !== undefined && (
        <span class="source-note">{words.say("sources.planeNote", { revision: String(source.revision) })}</span>
      )}
      {source.emptySinceMs !== undefined && (
        <p class="source-warning" data-tone="warn">
          <Glyph name="warning" />
          <span>{words.say("sources.empty", { time: words.time(source.emptySinceMs), age: words.age(nowMs - source.emptySinceMs) })}</span>
        </p>
      )}
    </li>
  );
}
