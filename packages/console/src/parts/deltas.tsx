import type { JSX } from "preact";
import { useWords } from "../context.ts";
import type { Delta } from "../model/delta.ts";
import { deltasFrom } from "../model/delta.ts";
import type { LiveState } from "../model/live.ts";
import type { Words } from "../model/words.ts";
import type { GlyphName, Tone } from "./glyph.tsx";
import { Mark } from "./glyph.tsx";

/** New against stable over the same window: four comparisons, each with its n, grey where n is too small. */
export function Deltas(props: { readonly live: LiveState }): JSX.Element {
  const words = useWords();
  const release = props.live.release?.message.release;
  const traffic = props.live.traffic?.message;
  const versions = { fresh: release?.newVersion ?? "", stable: release?.stableVersion ?? "" };
  const title = words.say("delta.title", versions);
  if (versions.fresh === "" || !traffic) {
    return (
      <section class="card deltas" aria-labelledby="deltas-title">
        <h2 id="deltas-title">{words.say("delta.titleNone")}</h2>
        <p class="empty">{words.say(versions.fresh === "" ? "delta.none" : "delta.waiting")}</p>
      </section>
    );
  }
  const ageMs = Number(traffic.nowMs - traffic.windowFromMs);
  return (
    <section class="card deltas" aria-labelledby="deltas-title">
      <div class="card-head">
        <h2 id="deltas-title">{title}</h2>
        <span class="faint">{words.say("delta.lead", { age: words.age(ageMs) })}</span>
      </div>
      <div class="tiles">
        {deltasFrom(traffic.windows, versions).map((delta) => (
          <Tile key={delta.metric} delta={delta} />
        ))}
      </div>
    </section>
  );
}

function Tile(props: { readonly delta: Delta }): JSX.Element {
  const { delta } = props;
  const words = useWords();
  const n = { fresh: words.count(delta.freshCount), stable: words.count(delta.stableCount) };
  return (
    <dl class="tile" data-few={delta.tooFew}>
      <dt>{words.say(`delta.${delta.metric}`)}</dt>
      <dd class="tile-values">
        <span class="tile-new">{valueText(delta, { value: delta.fresh, count: delta.freshCount, words })}</span>
        <span class="tile-stable">
          {words.say("delta.stable")} {valueText(delta, { value: delta.stable, count: delta.stableCount, words })}
        </span>
      </dd>
      <dd class="tile-verdict">{delta.tooFew ? <Mark tone="calm">{words.say("delta.tooFewShort")}</Mark> : <Verdict delta={delta} />}</dd>
      <dd class="tile-n">{words.say("delta.n", n)}</dd>
    </dl>
  );
}

const looks: Readonly<Record<Delta["judgement"], { readonly tone: Tone; readonly glyph: GlyphName }>> = {
  better: { tone: "good", glyph: "check" },
  worse: { tone: "bad", glyph: "warning" },
  same: { tone: "good", glyph: "equal" },
  unknown: { tone: "calm", glyph: "question" },
};

function Verdict(props: { readonly delta: Delta }): JSX.Element {
  const { delta } = props;
  const words = useWords();
  const { tone, glyph } = looks[delta.judgement];
  if (delta.metric === "requests") return <span class="faint">{words.say("delta.share", { share: words.percent(shareOf(delta)) })}</span>;
  return (
    <>
      <Mark tone={tone} glyph={glyph}>
        {`${words.say(`delta.${delta.judgement}`)} ${changeText(delta, words)}`.trim()}
      </Mark>
      {delta.interval && delta.judgement !== "same" && (
        <span class="faint tile-interval">
          {words.say("delta.interval", { low: words.points(delta.interval[0]), high: words.points(delta.interval[1]) })}
        </span>
      )}
    </>
  );
}

function shareOf(delta: Delta): number {
  const all = delta.fresh + delta.stable;
  return all === 0 ? 0 : delta.fresh / all;
}

/** A number, or a dash where nothing was counted: no requests have no latency. */
function valueText(delta: Delta, side: { readonly value: number; readonly count: number; readonly words: Words }): string {
  const { value, count, words } = side;
  if (count === 0 && delta.metric !== "requests") return "–";
  if (delta.metric === "errors") return words.percent(value);
  return delta.metric === "requests" ? words.count(value) : words.latency(value);
}

/** How much: percentage points for ratios, percent for latencies, nothing where nothing differs. */
function changeText(delta: Delta, words: Words): string {
  if (delta.metric === "errors")
    return delta.fresh === delta.stable ? "" : words.say("delta.points", { points: words.points(delta.fresh - delta.stable) });
  return delta.stable > 0 && delta.fresh !== delta.stable ? words.change(delta.fresh / delta.stable) : "";
}
