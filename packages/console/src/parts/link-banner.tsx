import type { JSX } from "preact";
import { useWords } from "../context.ts";
import { useNow } from "../hooks/use-now.ts";
import type { Link, LiveState } from "../model/live.ts";
import { serverNowMs } from "../model/live.ts";
import type { Words } from "../model/words.ts";
import { faultText } from "./fault-text.ts";
import { Glyph } from "./glyph.tsx";

/** Says so, in words and with times, whenever what is shown is not what is. */
export function LinkBanner(props: { readonly live: LiveState }): JSX.Element | null {
  const { links, release, traffic } = props.live;
  const words = useWords();
  const monotonicMs = useNow();
  const said = release ?? traffic;
  const timeOf = (monotonic: number): string => (said ? words.time(serverNowMs(said, monotonic)) : "–");
  if (links.release.kind === "lost") {
    const { sinceMs } = links.release;
    const from = release
      ? words.say("lost.from", { from: timeOf(release.heardMs), age: words.age(monotonicMs - release.heardMs) })
      : words.say("lost.never");
    return (
      <Banner
        title={release ? words.say("lost.title", { since: timeOf(sinceMs) }) : words.say("lost.unreachable")}
        text={from}
        link={links.release}
        monotonicMs={monotonicMs}
      />
    );
  }
  if (links.release.kind === "ended")
    return <Banner title={endedText(links.release, words)} text="" link={links.release} monotonicMs={monotonicMs} />;
  if (links.traffic.kind === "lost" && release) {
    const heardMs = traffic?.heardMs ?? links.traffic.sinceMs;
    const text = words.say("lost.trafficFrom", { from: timeOf(heardMs), age: words.age(monotonicMs - heardMs) });
    return (
      <Banner
        title={words.say("lost.traffic", { since: timeOf(links.traffic.sinceMs) })}
        text={text}
        link={links.traffic}
        monotonicMs={monotonicMs}
      />
    );
  }
  if (links.traffic.kind === "ended")
    return <Banner title={endedText(links.traffic, words)} text="" link={links.traffic} monotonicMs={monotonicMs} />;
  return null;
}

function endedText(link: Extract<Link, { kind: "ended" }>, words: Words): string {
  return words.say("lost.ended", { message: faultText(link.fault, words) });
}

function Banner(props: { readonly title: string; readonly text: string; readonly link: Link; readonly monotonicMs: number }): JSX.Element {
  const { link, monotonicMs } = props;
  const words = useWords();
  const left = link.kind === "lost" ? Math.ceil((link.retryAtMs - monotonicMs) / 1000) : undefined;
  return (
    <div class="banner">
      <Glyph name="warning" />
      <p>
        <b role="alert">{props.title}</b> {props.text}
      </p>
      {left !== undefined && (
        <span class="banner-retry">{left > 0 ? words.say("lost.retry", { seconds: left }) : words.say("lost.retrying")}</span>
      )}
    </div>
  );
}
