import type { Backend } from "./backends.ts";
import type { Forwarder } from "./forwarder.ts";
import type { Finding } from "./judge.ts";
import { judge } from "./judge.ts";
import { sendRaw, statusesIn } from "./raw-client.ts";
import type { RequestCase, SeenRequest } from "./request-case.ts";

/** What came of a corpus through one forwarder to one backend. */
export interface PassageReport {
  readonly backend: string;
  readonly cases: number;
  /** Requests that the backend counted, probes left out. */
  readonly seen: number;
  /** Cases in which the backend refused what the forwarder had carried. */
  readonly refusedByBackend: number;
  readonly findings: readonly Finding[];
}

/** Sends every case through a forwarder, one after the other so that all share its connections, and judges each. */
export async function passCorpus(cases: readonly RequestCase[], forwarder: Forwarder, backend: Backend): Promise<PassageReport> {
  const findings: Finding[] = [];
  let seenCount = 0;
  let refused = 0;
  for (const [index, one] of cases.entries()) {
    backend.taken();
    forwarder.lines();
    const target = `/probe-${index}`;
    const believed = await forwarder.believed(one.bytes);
    const answer = await sendRaw(forwarder.port, one.bytes, believed.length);
    const probe = { target, answer: await sendRaw(forwarder.port, `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`, 1) };
    const taken = backend.taken();
    const probed = new Set(taken.filter((request) => request.target === target).map(({ requestId }) => requestId));
    const seen = taken.filter((request) => request.target !== target);
    const lines = forwarder.lines().filter(({ requestId }) => !probed.has(requestId));
    findings.push(...judge({ one, believed, lines, seen, answer, probe }));
    seenCount += seen.length;
    if (seen.length < believed.length) refused++;
  }
  return { backend: backend.name, cases: cases.length, seen: seenCount, refusedByBackend: refused, findings };
}

/** What one server made of one case when it was asked without anybody between. */
export interface DirectView {
  readonly server: string;
  readonly seen: readonly SeenRequest[];
  /** Of the first final answer; 0 for none. */
  readonly status: number;
}

/** Asks one server all cases directly. */
export async function askDirectly(cases: readonly RequestCase[], server: Backend): Promise<DirectView[]> {
  const views: DirectView[] = [];
  for (const one of cases) {
    server.taken();
    const answer = await sendRaw(server.port, one.bytes);
    const seen = server.taken().map(({ method, target, body }) => ({ method, target, body }));
    views.push({ server: server.name, seen, status: statusesIn(answer)[0] ?? 0 });
  }
  return views;
}
