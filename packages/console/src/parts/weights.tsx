import type { ComponentChildren, JSX } from "preact";
import type { WatchReleaseResponse } from "@weir/api/releases";
import { useWords } from "../context.ts";
import type { Acknowledgement, Observation } from "../model/agreement.ts";
import { acknowledgementOf, isSettling, observationOf, refusingPlanes } from "../model/agreement.ts";
import type { LiveState } from "../model/live.ts";
import { serverNowMs } from "../model/live.ts";
import type { Words } from "../model/words.ts";
import { Glyph, Mark } from "./glyph.tsx";
import { useNow } from "../hooks/use-now.ts";

/** Desired, acknowledged and observed weight of the new version, side by side, and what is between them. */
export function Weights(props: { readonly live: LiveState; readonly rate: number | undefined }): JSX.Element | null {
  const words = useWords();
  const monotonicMs = useNow();
  const heard = props.live.release;
  const release = heard?.message.release;
  if (!heard || !release) return null;
  const nowMs = serverNowMs(heard, monotonicMs);
  const traffic = props.live.traffic?.message;
  const observation = observationOf(release.newWeight, { traffic, settling: isSettling(heard.message, nowMs) });
  const acknowledgement = acknowledgementOf(heard.message);
  return (
    <>
      <dl class="triple">
        <Figure term={words.say("weights.desired")} value={words.share(release.newWeight)}>
          <p>{words.say("weights.of10000", { n: release.newWeight })}</p>
          {props.rate !== undefined && release.newWeight > 0 && (
            <p>
              {words.say("weights.perSecond", { rate: words.rate((props.rate * release.newWeight) / 10000), version: release.newVersion })}
            </p>
          )}
        </Figure>
        <Figure
          term={words.say("weights.acknowledged")}
          value={acknowledgement.kind === "none" ? "–" : words.share(heard.message.acknowledgedWeight)}
          mark={acknowledgementMark(acknowledgement, words)}
        >
          <Planes view={heard.message} nowMs={nowMs} />
        </Figure>
        <Figure
          term={words.say("weights.observed")}
          value={traffic && traffic.observedRequests > 0 ? words.percent(traffic.observedWeight / 10000) : "–"}
          mark={observationMark(observation, words)}
        >
          <p>{words.say("weights.sample", { n: observation.requests })}</p>
        </Figure>
      </dl>
      <Refusals view={heard.message} nowMs={nowMs} />
    </>
  );
}

function Figure(props: {
  readonly term: string;
  readonly value: string;
  readonly mark?: JSX.Element;
  readonly children: ComponentChildren;
}): JSX.Element {
  return (
    <div class="figure">
      <dt>{props.term}</dt>
      <dd class="figure-value">{props.value}</dd>
      {props.mark && <dd class="figure-mark">{props.mark}</dd>}
      <dd class="figure-notes">{props.children}</dd>
    </div>
  );
}

function acknowledgementMark(acknowledgement: Acknowledgement, words: Words): JSX.Element {
  switch (acknowledgement.kind) {
    case "none":
      return <Mark tone="bad">{words.say("weights.noPlanes")}</Mark>;
    case "refused":
      return <Mark tone="bad">{words.say("weights.refused")}</Mark>;
    case "waiting":
      return <Mark tone="warn">{words.say("weights.waiting")}</Mark>;
    case "agrees":
      return (
        <Mark tone="good" glyph="equal">
          {words.say("weights.same")}
        </Mark>
      );
  }
}

function observationMark(observation: Observation, words: Words): JSX.Element {
  switch (observation.kind) {
    case "unknown":
      return <Mark tone="calm">{words.say("weights.tooFew")}</Mark>;
    case "settling":
      return (
        <Mark tone="calm" glyph="wait">
          {words.say("weights.settling")}
        </Mark>
      );
    case "differs":
      return <Mark tone="warn">{words.say("weights.differs", { points: words.points(observation.points) })}</Mark>;
    case "agrees":
      return (
        <Mark tone="good" glyph="equal">
          {words.say("weights.same")}
        </Mark>
      );
  }
}

/** How many data planes hold the weight, and since when the slowest of them has been silent. */
function Planes(props: { readonly view: WatchReleaseResponse; readonly nowMs: number }): JSX.Element | null {
  const words = useWords();
  const { acknowledgedCount: count, dataPlaneCount: total, dataPlanes } = props.view;
  const connected = dataPlanes.filter((plane) => plane.connected);
  if (total === 0) return null;
  const oldest = connected.reduce((most, plane) => Math.max(most, props.nowMs - Number(plane.lastHeardAtMs)), 0);
  return (
    <>
      <p>{words.say("weights.planes", { count, total })}</p>
      {connected.length > 0 && <p>{words.say("weights.oldest", { age: words.age(oldest) })}</p>}
    </>
  );
}

/** Every refusal by name, with control's own words: the operator must not have to look for them. */
function Refusals(props: { readonly view: WatchReleaseResponse; readonly nowMs: number }): JSX.Element | null {
  const words = useWords();
  const refusing = refusingPlanes(props.view.dataPlanes);
  const away = props.view.dataPlanes.filter((plane) => !plane.connected);
  if (refusing.length === 0 && away.length === 0) return null;
  return (
    <ul class="complaints">
      {refusing.flatMap((plane) =>
        plane.refusals.map((refusal) => (
          <li key={`${plane.name} ${refusal.resource}`} data-tone="bad">
            <Glyph name="warning" />
            <span>
              {words.say("weights.refusal", { plane: plane.name, resource: refusal.resource, reason: refusal.reason })}
              <span class="complaint-text">{refusal.message}</span>
            </span>
          </li>
        )),
      )}
      {away.map((plane) => (
        <li key={plane.name} data-tone="warn">
          <Glyph name="off" />
          <span>{words.say("weights.disconnected", { plane: plane.name, age: words.age(props.nowMs - Number(plane.lastHeardAtMs)) })}</span>
        </li>
      ))}
    </ul>
  );
}
