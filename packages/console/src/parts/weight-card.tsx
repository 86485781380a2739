import type { JSX } from "preact";
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { WatchReleaseResponse } from "@weir/api/releases";
import type { ConsoleClient } from "../client.ts";
import { useWords } from "../context.ts";
import { useNow } from "../hooks/use-now.ts";
import type { RailControl } from "../hooks/use-rail.ts";
import type { Address } from "../model/address.ts";
import { columnSecondsOf } from "../model/address.ts";
import { exposureOf, rateOf } from "../model/exposure.ts";
import type { LiveState } from "../model/live.ts";
import { serverNowMs } from "../model/live.ts";
import { BeginForm } from "./begin-form.tsx";
import { CommitNotice } from "./commit-notice.tsx";
import { ProposalForm } from "./proposal-form.tsx";
import { Rail } from "./rail.tsx";
import { Weights } from "./weights.tsx";

/** What the card needs. */
export interface WeightCardProps {
  readonly client: ConsoleClient;
  readonly live: LiveState;
  readonly control: RailControl;
  readonly address: Address;
  /** Why this token may not move users, in words; undefined when it may. */
  readonly mayNot: string | undefined;
  readonly onTried: () => void;
}

/** The weight as it is wanted and as it is, and the rail that moves it. */
export function WeightCard(props: WeightCardProps): JSX.Element | null {
  const { live, control, mayNot } = props;
  const words = useWords();
  const view = live.release?.message;
  const release = view?.release;
  const columnSeconds = columnSecondsOf(props.address.windowS);
  const rate = useMemo(() => rateOf(live.columns, columnSeconds), [live.columns, columnSeconds]);
  const field = useRef<HTMLInputElement>(null);
  const thumb = useRef<HTMLDivElement>(null);
  const { proposal } = control.state;
  const hadProposal = useRef(false);
  useEffect(() => {
    // The form has gone with whatever had the focus in it.
    if (hadProposal.current && !proposal && document.activeElement === document.body) thumb.current?.focus({ preventScroll: true });
    hadProposal.current = proposal !== undefined;
  }, [proposal === undefined]);
  if (!view || !release) return null;
  const moving = release.newVersion !== "";
  const hindrance =
    mayNot ?? (moving ? (live.links.release.kind === "live" ? undefined : words.say("hindrance.lost")) : words.say("hindrance.no_release"));
  const instances = view.instances.filter((one) => one.version === release.newVersion && one.state === "SERVING").length;
  const enter = (): void => (control.state.reason.trim() === "" ? field.current?.focus() : control.commit());
  const versions = begun(view);
  return (
    <section class="card weights" aria-labelledby="weights-title">
      <div class="card-head">
        <h2 id="weights-title">{moving ? words.say("weights.title", { version: release.newVersion }) : words.say("weights.titleNone")}</h2>
        <SetBy live={live} />
      </div>
      <Weights live={live} rate={rate} />
      {moving && <Rail release={release} control={control} hindrance={hindrance} thumb={thumb} onEnter={enter} />}
      {proposal && (
        <ProposalForm
          proposal={proposal}
          release={release}
          exposure={exposureOf({ from: release.newWeight, to: proposal.weight, rate, instances })}
          instances={instances}
          control={control}
          field={field}
        />
      )}
      <CommitNotice control={control} view={view} />
      {mayNot === undefined && versions.length > 0 && (
        <BeginForm client={props.client} service={release.service} versions={versions} onTried={props.onTried} />
      )}
    </section>
  );
}

/** Versions that a release could begin to: only when all or no users are on the new one, and only with an instance. */
function begun(view: WatchReleaseResponse): string[] {
  const release = view.release;
  if (!release || (release.newVersion !== "" && release.newWeight !== 0 && release.newWeight !== 10000)) return [];
  const serving = new Set(view.instances.filter((one) => one.state === "SERVING").map((one) => one.version));
  const settled = release.newWeight === 10000 ? release.newVersion : release.stableVersion;
  return view.versions.filter((version) => serving.has(version) && version !== settled && version !== release.newVersion);
}

/** When the weight was set, by whom and why. */
function SetBy(props: { readonly live: LiveState }): JSX.Element | null {
  const words = useWords();
  const monotonicMs = useNow();
  const heard = props.live.release;
  const release = heard?.message.release;
  if (!heard || !release) return null;
  const age = words.age(serverNowMs(heard, monotonicMs) - Number(release.changedAtMs));
  return (
    <span class="set-by">
      {words.say("weights.setBy", { age, actor: release.changedBy })}
      {release.reason !== "" && <q>{release.reason}</q>}
    </span>
  );
}
