import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import type { AuditEntry } from "@weir/api/audit";
import type { Fault } from "@weir/kit/fault";
import { faultFrom } from "@weir/kit/fault";
import type { ConsoleClient } from "../client.ts";
import { mergedEntries } from "../model/audit.ts";

/** Entries of the audit that are shown, newest first. */
export interface AuditView {
  readonly entries: readonly AuditEntry[];
  readonly fault: Fault | undefined;
  /** Whether there may be older ones. */
  readonly more: boolean;
  readonly reload: () => void;
  readonly older: () => void;
}

/** What `useAudit` reads. */
export interface AuditOptions {
  readonly client: ConsoleClient;
  readonly service: string;
  /** Read again whenever it changes: the release has. */
  readonly revision: bigint | undefined;
  /** Runs when control no longer takes the token. */
  readonly onSignedOut: () => void;
}

const pageSize = 20;
/** Beyond this no older ones are read: the strip is for looking back, not for reporting. */
const entriesMax = 400;

/** Reads the audit of a release, and again whenever the release changes. */
export function useAudit(options: AuditOptions): AuditView {
  const { client, service, revision } = options;
  const [entries, setEntries] = useState<readonly AuditEntry[]>([]);
  const [fault, setFault] = useState<Fault | undefined>(undefined);
  const [more, setMore] = useState(false);
  const latest = useRef(0);
  const read = useCallback(
    async (before: bigint) => {
      const asked = ++latest.current;
      try {
        const answer = await client.audit.listEntries({ limit: pageSize, before, resource: `release/${service}` });
        if (asked !== latest.current) return;
        setEntries((held) => mergedEntries(held, answer.entries).slice(0, entriesMax));
        if (before !== 0n || answer.entries.length < pageSize) setMore(answer.entries.length === pageSize);
        else setMore((held) => held || answer.entries.length === pageSize);
        setFault(undefined);
      } catch (thrown) {
        const found = faultFrom(thrown);
        if (asked === latest.current) setFault(found);
        if (found.code === "UNAUTHENTICATED") options.onSignedOut();
      }
    },
    [client, service],
  );
  useEffect(() => {
    setEntries([]);
    setMore(false);
  }, [client, service]);
  useEffect(() => {
    if (revision !== undefined) void read(0n);
  }, [read, revision]);
  const oldest = entries.at(-1)?.sequence ?? 0n;
  return {
    entries,
    fault,
    more: more && entries.length < entriesMax,
    reload: () => void read(0n),
    older: () => void read(oldest),
  };
}
