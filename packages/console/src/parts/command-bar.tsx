import type { JSX } from "preact";
import { useWords } from "../context.ts";
import { useNow } from "../hooks/use-now.ts";
import type { RailControl } from "../hooks/use-rail.ts";
import type { Standing } from "../model/agreement.ts";
import { isSettling, standingOf } from "../model/agreement.ts";
import type { LiveState } from "../model/live.ts";
import { serverNowMs } from "../model/live.ts";
import type { Words } from "../model/words.ts";
import type { GlyphName, Tone } from "./glyph.tsx";
import { Glyph, Mark } from "./glyph.tsx";
import { StableButton } from "./stable-button.tsx";

/** What the bar shows and does. */
export interface CommandBarProps {
  readonly service: string;
  readonly live: LiveState;
  readonly control: RailControl;
  /** Why this token may not move users, in words; undefined when it may. */
  readonly hindrance: string | undefined;
}

const looks: Readonly<Record<Standing["kind"], { readonly tone: Tone; readonly glyph: GlyphName }>> = {
  agrees: { tone: "good", glyph: "check" },
  unseen: { tone: "calm", glyph: "wait" },
  no_release: { tone: "good", glyph: "check" },
  waiting: { tone: "warn", glyph: "wait" },
  differs: { tone: "warn", glyph: "warning" },
  refused: { tone: "bad", glyph: "warning" },
  no_planes: { tone: "bad", glyph: "warning" },
  lost: { tone: "bad", glyph: "off" },
};

/** Stays in sight: which release, how it stands in one sentence, whether that is live, and the stable button. */
export function CommandBar(props: CommandBarProps): JSX.Element {
  const { live, service } = props;
  const release = live.release?.message.release;
  return (
    <div class="command">
      <div class="command-words">
        <h1>
          {service}
          {release && (
            <span class="versions">
              {release.stableVersion}
              {release.newVersion !== "" && (
                <>
                  <Glyph name="right" />
                  <b>{release.newVersion}</b>
                </>
              )}
            </span>
          )}
          <LinkChip live={live} />
        </h1>
        <StandingLine live={live} />
      </div>
      <StableButton release={release} control={props.control} hindrance={props.hindrance} />
    </div>
  );
}

function StandingLine(props: { readonly live: LiveState }): JSX.Element | null {
  const { live } = props;
  const words = useWords();
  const monotonicMs = useNow();
  const heard = live.release;
  if (!heard?.message.release) return null;
  const settling = isSettling(heard.message, serverNowMs(heard, monotonicMs));
  const standing = standingOf(heard.message, { traffic: live.traffic?.message, live: live.links.release.kind === "live", settling });
  return (
    <p class="standing" role="status">
      <Mark {...looks[standing.kind]}>{standingText(standing, heard.message.release, words)}</Mark>
    </p>
  );
}

function standingText(
  standing: Standing,
  release: { readonly newVersion: string; readonly stableVersion: string; readonly newWeight: number },
  words: Words,
): string {
  const said = { share: words.share(release.newWeight), version: release.newVersion };
  switch (standing.kind) {
    case "refused":
      return words.say("standing.refused", { planes: standing.planes.join(", ") });
    case "waiting":
      return words.say("standing.waiting", { missing: standing.missing, total: standing.total });
    case "differs": {
      const points = words.points(Math.abs(standing.points)).replace("+", "");
      return words.say(standing.points > 0 ? "standing.differsMore" : "standing.differsLess", { points, version: release.newVersion });
    }
    case "no_release":
      return words.say("standing.no_release", { version: release.stableVersion });
    case "agrees":
    case "unseen":
    case "no_planes":
    case "lost":
      return words.say(`standing.${standing.kind}`, said);
  }
}

/** Whether the page is live. */
function LinkChip(props: { readonly live: LiveState }): JSX.Element {
  const words = useWords();
  const { release, traffic } = props.live.links;
  const kind = release.kind === "live" && traffic.kind !== "live" ? traffic.kind : release.kind;
  const shown = kind === "live" ? "live" : kind === "connecting" ? "connecting" : "lost";
  return (
    <span class="chip" data-link={shown}>
      <i aria-hidden="true" />
      {words.say(`link.${shown}`)}
    </span>
  );
}
