import type { JSX } from "preact";
import { useEffect, useMemo } from "preact/hooks";
import type { Token } from "@weir/api/identity";
import type { ConsoleClient } from "../client.ts";
import { useWords } from "../context.ts";
import { useAudit } from "../hooks/use-audit.ts";
import { useLive } from "../hooks/use-live.ts";
import { useRail } from "../hooks/use-rail.ts";
import type { Address } from "../model/address.ts";
import { marksOf } from "../model/audit.ts";
import type { LiveState } from "../model/live.ts";
import { hindranceOf } from "../model/session.ts";
import { AuditStrip } from "../parts/audit-strip.tsx";
import { Causes } from "../parts/causes.tsx";
import { CommandBar } from "../parts/command-bar.tsx";
import { Deltas } from "../parts/deltas.tsx";
import { LinkBanner } from "../parts/link-banner.tsx";
import { Sources } from "../parts/sources.tsx";
import { Traffic } from "../parts/traffic.tsx";
import { WeightCard } from "../parts/weight-card.tsx";

/** What the page needs. */
export interface ReleasePageProps {
  readonly client: ConsoleClient;
  readonly identity: Token;
  readonly address: Address;
  readonly onAddress: (change: Partial<Address>) => void;
  readonly onSignedOut: () => void;
}

/** Everything about one release: what is wanted, what holds, what happens, and the handles to change it. */
export function ReleasePage(props: ReleasePageProps): JSX.Element {
  const { client, identity, address, onSignedOut } = props;
  const { service, windowS } = address;
  const words = useWords();
  const live = useLive({ client, service, windowS, onSignedOut });
  const view = live.release?.message;
  const audit = useAudit({ client, service, revision: view?.release?.revision, onSignedOut });
  const control = useRail({ client, release: live.release, onTried: audit.reload });
  const marks = useMemo(() => marksOf(audit.entries), [audit.entries]);
  const may = hindranceOf(identity, service);
  const mayNot = may && words.say(`hindrance.${may}`);
  useEffect(() => {
    document.title = titleOf(live, service, words.share);
  });
  return (
    <div class="page" data-stale={live.release !== undefined && live.links.release.kind !== "live"}>
      <CommandBar service={service} live={live} control={control} hindrance={mayNot} />
      <LinkBanner live={live} />
      {live.release ? (
        <div class="board">
          <div class="board-main">
            <WeightCard client={client} live={live} control={control} mayNot={mayNot} address={address} onTried={audit.reload} />
            <Deltas live={live} />
            <Traffic live={live} marks={marks} address={address} onAddress={props.onAddress} />
          </div>
          <div class="board-side">
            <Sources live={live} />
            <Causes live={live} />
          </div>
          <AuditStrip audit={audit} client={client} />
        </div>
      ) : (
        <p class="empty card" role="status">
          {words.say(isMissing(live) ? "page.missing" : "page.loading", { service })}
        </p>
      )}
    </div>
  );
}

function isMissing(live: LiveState): boolean {
  const link = live.links.release;
  return link.kind === "lost" && link.fault.code === "NOT_FOUND";
}

function titleOf(live: LiveState, service: string, share: (weight: number) => string): string {
  const release = live.release?.message.release;
  if (!release?.newVersion) return `${service} · Weir`;
  return `${share(release.newWeight)} ${release.newVersion} · ${service} · Weir`;
}
