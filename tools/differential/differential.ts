import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import type { Backend } from "./backends.ts";
import { startBackends } from "./backends.ts";
import { corpus } from "./corpus.ts";
import { startWeirForwarder } from "./forwarder.ts";
import type { Leniency } from "./justified.ts";
import { leniencies } from "./justified.ts";
import type { RequestCase } from "./request-case.ts";
import type { PassageReport } from "./run.ts";
import { askDirectly, passCorpus } from "./run.ts";

/** What the corpus showed. */
export interface DifferentialReport {
  /** No finding, and nothing taken that is not justified. */
  readonly ok: boolean;
  readonly cases: number;
  readonly families: Readonly<Record<string, number>>;
  readonly passages: readonly PassageReport[];
  /** What our server takes when asked directly, and others refuse. */
  readonly leniencies: readonly Leniency[];
}

/**
 * Sends the corpus through our gateway to nginx, Apache, HAProxy, node:http and our own server, and asks each of them directly.
 * `say` is given progress. Rejects when one of them cannot be started.
 */
export async function runDifferential(say: (line: string) => void): Promise<DifferentialReport> {
  const cases = corpus();
  const folder = mkdtempSync(`${tmpdir()}/weir-differential-`);
  const backends = await startBackends(folder);
  try {
    say(`${cases.length} cases through the gateway to ${backends.map(({ name }) => name).join(", ")} …`);
    const passages = await Promise.all(backends.map((backend) => passTo(backend, cases)));
    for (const { backend, seen, findings } of passages) say(`  ${backend}: ${seen} requests counted, ${findings.length} findings`);
    say("the same cases asked directly …");
    const views = await Promise.all(backends.map((backend) => askDirectly(cases, backend)));
    const lenient = leniencies(
      cases.map(({ id }) => id),
      views,
    );
    const families: Record<string, number> = {};
    for (const { family } of cases) families[family] = (families[family] ?? 0) + 1;
    const ok = passages.every(({ findings }) => findings.length === 0) && lenient.every(({ rule }) => rule !== undefined);
    return { ok, cases: cases.length, families, passages, leniencies: lenient };
  } finally {
    await Promise.all(backends.map((backend) => backend.stop()));
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function passTo(backend: Backend, cases: readonly RequestCase[]): Promise<PassageReport> {
  const forwarder = await startWeirForwarder(backend.port);
  try {
    return await passCorpus(cases, forwarder, backend);
  } finally {
    await forwarder.stop();
  }
}
