import { createClient } from "@weir/wire";
import { faultFrom } from "@weir/kit/fault";
import { systemClock } from "@weir/kit/clock";
import type { Command, Io } from "./command.ts";
import { wholeNumber } from "./command.ts";

interface Tally {
  sent: number;
  inFlight: number;
  /** Answers by status, or by the reason for which there was none. */
  readonly answers: Map<string, number>;
  readonly versions: Map<string, number>;
}

const inFlightMax = 256;

/** `weir load`: sends requests at a steady rate, as many users would, and counts what comes back. */
export const loadCommand: Command = {
  name: "load",
  summary: "send requests of many users at a steady rate",
  help: `
Usage: weir load [--port 8080] [--path /v1/feed?userId={user}] [--rate 40] [--users 500] [--seconds 10]

Sends GET requests to a gateway on this machine at a steady rate, whether or not answers come back in time,
and counts answers by status and by the version that gave them. {user} becomes one of the users, at random.

  --rate      requests a second, at most 5000; default 40
  --seconds   how long, at most 3600; default 10; 0 for until it is stopped

Example:
  weir load --rate 100 --seconds 5 --json`,
  options: {
    port: { type: "string" },
    path: { type: "string" },
    rate: { type: "string" },
    users: { type: "string" },
    seconds: { type: "string" },
  },
  async run(invocation) {
    const { values, io } = invocation;
    const port = wholeNumber(invocation, "port", { min: 1, max: 65_535 }) ?? 8080;
    const rate = wholeNumber(invocation, "rate", { min: 1, max: 5000 }) ?? 40;
    const users = wholeNumber(invocation, "users", { min: 1, max: 1_000_000 }) ?? 500;
    const seconds = wholeNumber(invocation, "seconds", { min: 0, max: 3600 }) ?? 10;
    const path = String(values["path"] ?? "/v1/feed?userId={user}");
    const tally = await sendAll(io, { port, rate, users, path, seconds });
    const failed = [...tally.answers].filter(([status]) => status !== "200").reduce((sum, [, count]) => sum + count, 0);
    if (values["json"] === true)
      io.out(
        JSON.stringify({ sent: tally.sent, answers: Object.fromEntries(tally.answers), versions: Object.fromEntries(tally.versions) }),
      );
    else io.out(summary(tally));
    return failed === 0 ? 0 : 1;
  },
};

interface LoadPlan {
  readonly port: number;
  readonly rate: number;
  readonly users: number;
  readonly path: string;
  /** 0 for until the signal. */
  readonly seconds: number;
}

async function sendAll(io: Io, plan: LoadPlan): Promise<Tally> {
  const client = createClient({ host: "127.0.0.1", port: plan.port });
  const tally: Tally = { sent: 0, inFlight: 0, answers: new Map(), versions: new Map() };
  const startMs = systemClock.monotonicMs();
  let nextReportMs = startMs + 10_000;
  while (!io.signal.aborted) {
    const nowMs = systemClock.monotonicMs();
    if (plan.seconds > 0 && nowMs - startMs >= plan.seconds * 1000) break;
    const due = Math.floor(((nowMs - startMs) / 1000) * plan.rate);
    while (tally.sent < due) send(client, { plan, tally });
    if (nowMs >= nextReportMs) {
      io.err(summary(tally));
      nextReportMs += 10_000;
    }
    await systemClock.sleep(Math.max(1, 1000 / plan.rate), io.signal).catch(() => {});
  }
  await client.drain(10_000);
  return tally;
}

function send(client: ReturnType<typeof createClient>, { plan, tally }: { plan: LoadPlan; tally: Tally }): void {
  tally.sent += 1;
  if (tally.inFlight >= inFlightMax) return count(tally.answers, "NOT_SENT_TOO_MANY_IN_FLIGHT");
  tally.inFlight += 1;
  const user = `u${1 + Math.floor(systemClock.random() * plan.users)}`;
  const request = {
    method: "GET",
    target: plan.path.replace("{user}", user),
    authority: `127.0.0.1:${plan.port}`,
    headers: [],
    body: undefined,
  };
  client
    .request(request, { timeoutMs: 10_000 })
    .then(
      (response) => {
        count(tally.answers, String(response.status));
        const at = response.headers.indexOf("x-weir-version");
        if (at >= 0) count(tally.versions, response.headers[at + 1]!);
      },
      (error: unknown) => count(tally.answers, faultFrom(error).reason),
    )
    .finally(() => (tally.inFlight -= 1));
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function summary({ sent, answers, versions }: Tally): string {
  const list = (counts: Map<string, number>): string => [...counts].map(([key, value]) => `${key}: ${value}`).join(", ") || "none";
  return `sent ${sent}; answers ${list(answers)}; versions ${list(versions)}`;
}
