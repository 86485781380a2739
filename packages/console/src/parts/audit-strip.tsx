import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { AuditEntry, VerifyChainResponse } from "@weir/api/audit";
import type { Fault } from "@weir/kit/fault";
import { faultFrom } from "@weir/kit/fault";
import type { ConsoleClient } from "../client.ts";
import { useWords } from "../context.ts";
import type { AuditView } from "../hooks/use-audit.ts";
import { changesOf, weightIn } from "../model/audit.ts";
import { faultText } from "./fault-text.ts";
import { Glyph, Mark } from "./glyph.tsx";

/** What was changed, by whom, why, and what came of it; newest first, each with its diff. */
export function AuditStrip(props: { readonly audit: AuditView; readonly client: ConsoleClient }): JSX.Element {
  const { audit } = props;
  const words = useWords();
  return (
    <section class="card audit" aria-labelledby="audit-title">
      <div class="card-head">
        <h2 id="audit-title">{words.say("audit.title")}</h2>
        <Verifier client={props.client} />
      </div>
      {audit.fault && (
        <p class="complaint" data-tone="bad" role="alert">
          <Glyph name="warning" /> {words.say("audit.failed", { message: faultText(audit.fault, words) })}
        </p>
      )}
      {audit.entries.length === 0 && !audit.fault && <p class="empty">{words.say("audit.none")}</p>}
      {audit.entries.length > 0 && (
        <div class="audit-columns" aria-hidden="true">
          <span>{words.say("audit.time")}</span>
          <span>{words.say("audit.actor")}</span>
          <span>{words.say("audit.change")}</span>
          <span>{words.say("audit.reason")}</span>
          <span>{words.say("audit.outcome")}</span>
        </div>
      )}
      <ol class="audit-list">
        {audit.entries.map((entry) => (
          <Entry key={String(entry.sequence)} entry={entry} />
        ))}
      </ol>
      {audit.more && (
        <button type="button" class="button small" onClick={audit.older}>
          {words.say("audit.older")}
        </button>
      )}
    </section>
  );
}

function Entry(props: { readonly entry: AuditEntry }): JSX.Element {
  const { entry } = props;
  const words = useWords();
  const done = entry.outcome === "done";
  return (
    <li>
      <details class="audit-entry" data-refused={!done}>
        <summary>
          <time class="audit-time" dateTime={new Date(Number(entry.atMs)).toISOString()} title={words.dateTime(Number(entry.atMs))}>
            {words.time(Number(entry.atMs))}
          </time>
          <span class="audit-actor">{entry.actor}</span>
          <span class="audit-change">{changeText(entry, words.share)}</span>
          <span class="audit-reason">{entry.reason}</span>
          <span class="audit-outcome">
            {done ? (
              <Mark tone="good">{words.say("audit.done")}</Mark>
            ) : (
              <Mark tone="bad">{words.say("audit.refused", { outcome: entry.outcome })}</Mark>
            )}
          </span>
          <Glyph name="right" />
        </summary>
        <Details entry={entry} />
      </details>
    </li>
  );
}

/** "5% → 20%" where both sides say a weight, else what was asked for by name. */
function changeText(entry: AuditEntry, share: (weight: number) => string): string {
  const [from, to] = [weightIn(entry.from), weightIn(entry.to)];
  if (entry.action === "Releases.SetWeights" && to !== undefined)
    return from === undefined ? `→ ${share(to)}` : `${share(from)} → ${share(to)}`;
  return entry.action;
}

function Details(props: { readonly entry: AuditEntry }): JSX.Element {
  const { entry } = props;
  const words = useWords();
  const changes = changesOf(entry);
  return (
    <div class="audit-details">
      {changes.length === 0 ? (
        <p class="faint">{words.say("audit.noFields")}</p>
      ) : (
        <table class="table">
          <caption class="hidden">{words.say("audit.details", { n: String(entry.sequence) })}</caption>
          <thead>
            <tr>
              <th scope="col">{words.say("audit.field")}</th>
              <th scope="col">{words.say("audit.before")}</th>
              <th scope="col">{words.say("audit.after")}</th>
            </tr>
          </thead>
          <tbody>
            {changes.map((change) => (
              <tr key={change.field}>
                <th scope="row">
                  <code>{change.field || entry.resource}</code>
                </th>
                <td>{change.from === undefined ? "–" : <del>{change.from}</del>}</td>
                <td>{change.to === undefined ? "–" : <ins>{change.to}</ins>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <dl class="hashes">
        <dt>{words.say("audit.entry")}</dt>
        <dd>
          #{String(entry.sequence)} · {entry.action} · {words.dateTime(Number(entry.atMs))}
        </dd>
        <dt>{words.say("audit.hash")}</dt>
        <dd>
          <code>{entry.hash}</code>
        </dd>
        <dt>{words.say("audit.previous")}</dt>
        <dd>
          <code>{entry.previousHash}</code>
        </dd>
      </dl>
    </div>
  );
}

type Verification = VerifyChainResponse | Fault | "working" | undefined;

/** Has control walk the whole chain, and names the first entry that does not fit. */
function Verifier(props: { readonly client: ConsoleClient }): JSX.Element {
  const words = useWords();
  const [found, setFound] = useState<Verification>(undefined);
  const verify = async (): Promise<void> => {
    setFound("working");
    setFound(await props.client.audit.verifyChain({}).catch(faultFrom));
  };
  return (
    <div class="verifier">
      <span role="status">{found !== undefined && <Verdict found={found} />}</span>
      <button type="button" class="button small" disabled={found === "working"} onClick={() => void verify()}>
        {words.say("audit.verify")}
      </button>
    </div>
  );
}

function Verdict(props: { readonly found: Exclude<Verification, undefined> }): JSX.Element {
  const { found } = props;
  const words = useWords();
  if (found === "working")
    return (
      <Mark tone="calm" glyph="wait">
        {words.say("audit.verifying")}
      </Mark>
    );
  if ("brand" in found) return <Mark tone="bad">{faultText(found, words)}</Mark>;
  if (found.whole) return <Mark tone="good">{words.say("audit.whole", { n: Number(found.entries) })}</Mark>;
  return <Mark tone="bad">{words.say("audit.broken", { n: String(found.brokenSequence), message: found.message })}</Mark>;
}
