import { createClient } from "@weir/kit/rpc/client";
import type { AuditClient } from "@weir/api/audit";
import { Audit } from "@weir/api/audit";
import type { Command, Invocation } from "./command.ts";
import { wholeNumber } from "./command.ts";
import { withControl } from "./credentials.ts";

/** `weir audit`: who changed what, and whether the chain is whole. */
export const auditCommand: Command = {
  name: "audit",
  summary: "show who changed what and why, verify the chain",
  help: `
Usage: weir audit [--limit N] [--verify]

  --limit    entries to show, newest first; default 20, at most 500
  --verify   walk the whole chain instead; exit code 1 when it is broken

Example:
  weir audit --verify`,
  options: { limit: { type: "string" }, verify: { type: "boolean" } },
  run: (invocation) => withControl(invocation.io, (transport) => showAudit(invocation, createClient(Audit, transport))),
};

async function showAudit(invocation: Invocation, audit: AuditClient): Promise<number> {
  const { values, io } = invocation;
  if (values["verify"] === true) {
    const { whole, entries, message } = await audit.verifyChain({}, { timeoutMs: 60_000 });
    if (values["json"] === true) io.out(JSON.stringify({ whole, entries: String(entries), message }));
    else io.out(whole ? `whole: ${entries} entries` : `broken: ${message}`);
    return whole ? 0 : 1;
  }
  const limit = wholeNumber(invocation, "limit", { min: 1, max: 500 }) ?? 20;
  for (const entry of (await audit.listEntries({ limit }, { timeoutMs: 10_000 })).entries) {
    const { sequence, atMs, actor, action, resource, from, to, reason, outcome } = entry;
    const at = new Date(Number(atMs)).toISOString();
    if (values["json"] === true)
      io.out(JSON.stringify({ sequence: String(sequence), at, actor, action, resource, from, to, reason, outcome }));
    else io.out(`${sequence}  ${at}  ${actor}  ${action} ${resource}  ${outcome}  ${reason}`);
  }
  return 0;
}
