import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { systemClock } from "@weir/kit/clock";
import type { Fault } from "@weir/kit/fault";
import { faultFrom } from "@weir/kit/fault";
import type { Release } from "@weir/api/releases";
import type { ConsoleClient } from "../client.ts";
import { useWords } from "../context.ts";
import { useNow } from "../hooks/use-now.ts";
import type { Address } from "../model/address.ts";
import { hashFromAddress } from "../model/address.ts";
import { Glyph } from "../parts/glyph.tsx";

/** What the page needs. */
export interface ReleasesPageProps {
  readonly client: ConsoleClient;
  readonly address: Address;
  readonly onSignedOut: () => void;
}

const pollMs = 3000;

interface Listing {
  readonly releases: readonly Release[] | undefined;
  /** Monotonic time of the last answer. */
  readonly heardMs: number;
  readonly fault: Fault | undefined;
}

/** All releases, asked for again every three seconds. */
export function ReleasesPage(props: ReleasesPageProps): JSX.Element {
  const words = useWords();
  const monotonicMs = useNow();
  const { releases, heardMs, fault } = useListing(props);
  return (
    <div class="page">
      <h1>{words.say("list.title")}</h1>
      {fault && (
        <p class="banner" role="alert">
          <Glyph name="warning" />
          {words.say("list.failed", { reason: fault.reason, age: words.age(monotonicMs - heardMs) })}
        </p>
      )}
      <section class="card">
        {releases === undefined || releases.length === 0 ? (
          <p class="empty">{words.say(releases === undefined ? "list.loading" : "list.none")}</p>
        ) : (
          <ul class="releases">
            {releases.map((release) => (
              <Row key={release.service} release={release} address={props.address} />
            ))}
          </ul>
        )}
      </section>
    </div>
  );
}

function Row(props: { readonly release: Release; readonly address: Address }): JSX.Element {
  const { release, address } = props;
  const words = useWords();
  const moving = release.newVersion !== "";
  return (
    <li>
      <a class="release-row" href={hashFromAddress({ ...address, page: "release", service: release.service })}>
        <b class="release-name">{release.service}</b>
        <span class="release-versions">{moving ? `${release.stableVersion} → ${release.newVersion}` : release.stableVersion}</span>
        <span class="release-weight">
          {moving ? (
            <>
              <span class="meter" aria-hidden="true">
                <span style={{ width: `${release.newWeight / 100}%` }} />
              </span>
              {words.say("list.onNew", { share: words.share(release.newWeight), version: release.newVersion })}
            </>
          ) : (
            words.say("list.noNew", { version: release.stableVersion })
          )}
        </span>
        <span class="release-changed faint">
          {words.say("list.by", { time: words.dateTime(Number(release.changedAtMs)), actor: release.changedBy })}
        </span>
        <Glyph name="right" />
      </a>
    </li>
  );
}

function useListing(props: ReleasesPageProps): Listing {
  const { client, onSignedOut } = props;
  const [listing, setListing] = useState<Listing>({ releases: undefined, heardMs: performance.now(), fault: undefined });
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const poll = async (): Promise<void> => {
      while (!signal.aborted) {
        const answer = await client.releases.listReleases({}).catch(faultFrom);
        if (signal.aborted) return;
        if (!("brand" in answer)) setListing({ releases: answer.releases, heardMs: performance.now(), fault: undefined });
        else if (answer.code === "UNAUTHENTICATED") return onSignedOut();
        else setListing((held) => ({ ...held, fault: answer }));
        await systemClock.sleep(pollMs, signal).catch(() => undefined);
      }
    };
    void poll();
    return () => controller.abort();
  }, [client]);
  return listing;
}
