import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import type { ConfigsClient, GetResponse, InstanceConfig } from "@weir/kit/config/configs";
import { Configs, GetResponse as GetResponseMessage, Outcome } from "@weir/kit/config/configs";
import { problemText } from "@weir/kit/config/place";
import type { JsonValue } from "@weir/kit/contract";
import { fault } from "@weir/kit/fault";
import { createClient } from "@weir/kit/rpc/client";
import type { Command, Invocation } from "./command.ts";
import { withControl } from "./credentials.ts";
import { cliReasons } from "./reasons.ts";

/** `weir config`: settings of services, and what their instances made of them. */
export const configCommand: Command = {
  name: "config",
  summary: "show settings of services, change them, see who has them",
  help: `
Usage: weir config list
       weir config get SERVICE
       weir config status SERVICE
       weir config put SERVICE [KEY=VALUE …] [--values FILE] [--remove KEY,…] --reason WHY

A value is JSON, or else a text: cache.ttlMs=30s, limits='{"ada":5}'. "put" changes all of them or none, and waits until every
connected instance has applied or refused the change; exit code 1 when one refused it or did not answer. So does "status".

  --values     a file with a JSON object of values: secrets on a command line are seen by others on the machine
  --remove     take these back, so that weaker sources count again
  --version    set it for instances of this version only
  --revision   refuse the change when the settings are no longer at this revision
  --no-wait    answer as soon as the change is stored
  --reason     why; it stands in the audit

Example:
  weir config put feed cache.ttlMs=30s --reason "pages change rarely"`,
  options: {
    values: { type: "string" },
    remove: { type: "string" },
    version: { type: "string" },
    revision: { type: "string" },
    "no-wait": { type: "boolean" },
    reason: { type: "string" },
  },
  run: (invocation) => withControl(invocation.io, (transport) => runConfig(invocation, createClient(Configs, transport))),
};

const call = { timeoutMs: 10_000 };
const waitMsMax = 10_000;
const lookEveryMs = 50;

async function runConfig(invocation: Invocation, configs: ConfigsClient): Promise<number> {
  const { positionals, io } = invocation;
  const [action = "list", service = "", ...rest] = positionals;
  switch (action) {
    case "list":
      return await list(invocation, configs);
    case "get":
      return show(invocation, await configs.get({ service }, call));
    case "status":
      return status(invocation, await configs.get({ service }, call));
    case "put":
      return await put(invocation, configs, { service, given: rest });
    default:
      io.err(`weir config: expected list, get, status or put, found ${JSON.stringify(action)}`);
      return 2;
  }
}

async function list({ io, values }: Invocation, configs: ConfigsClient): Promise<number> {
  for (const { service, revision, connected, applied, refused } of (await configs.list({}, call)).services) {
    if (values["json"] === true) io.out(JSON.stringify({ service, revision: String(revision), connected, applied, refused }));
    else io.out(`${service}: revision ${revision}, ${applied} of ${connected} instances have it, ${refused} refused it`);
  }
  return 0;
}

function show({ io, values }: Invocation, found: GetResponse): number {
  if (values["json"] === true) io.out(GetResponseMessage.toJson(found));
  else for (const line of lines(found)) io.out(line);
  return 0;
}

function lines({ service, revision, scopes, keys }: GetResponse): string[] {
  const set = scopes.flatMap(({ version, values = {}, changedBy, reason }) => [
    `set for ${version === "" ? "all versions" : version} (by ${changedBy}: ${reason})`,
    ...listed(
      Object.entries(values)
        .map(([name, value]) => `${name} = ${JSON.stringify(value)}`)
        .sort(),
    ),
  ]);
  const known = keys.map(({ name, description, defaultJson, restartOnly, secret }) => {
    const marks = [restartOnly && "needs a restart", secret && "secret", defaultJson !== "" && `default ${defaultJson}`].filter(Boolean);
    return `${name}${description === "" ? "" : `: ${description}`}${marks.length === 0 ? "" : ` (${marks.join(", ")})`}`;
  });
  return [`${service}: revision ${revision}`, ...set, "keys", ...listed(known)];
}

function status({ io, values }: Invocation, found: GetResponse): number {
  const connected = found.instances.filter((instance) => instance.connected);
  if (values["json"] === true) io.out(GetResponseMessage.toJson(found));
  else {
    io.out(`${found.service}: revision ${found.revision}`);
    for (const line of listed(found.instances.flatMap(instanceLines))) io.out(line);
  }
  return connected.every(({ outcome }) => outcome === Outcome.APPLIED) ? 0 : 1;
}

function instanceLines({ instance, version, connected, revision, outcome, problems, needsRestart, shadowed }: InstanceConfig): string[] {
  const words = {
    [Outcome.UNSPECIFIED]: "unknown",
    [Outcome.PENDING]: "pending",
    [Outcome.APPLIED]: "applied",
    [Outcome.REFUSED]: "refused",
  };
  return [
    `${instance}: ${version}, ${connected ? words[outcome] : "away"}, holds revision ${revision}`,
    ...problems.map((problem) => `  ${problemText(problem)}`),
    ...(needsRestart.length > 0 ? [`  needs a restart for ${needsRestart.join(", ")}`] : []),
    ...(shadowed.length > 0 ? [`  has ${shadowed.join(", ")} from a stronger source`] : []),
  ];
}

async function put(
  invocation: Invocation,
  configs: ConfigsClient,
  { service, given }: { service: string; given: string[] },
): Promise<number> {
  const { values, io } = invocation;
  const text = (name: string): string => String(values[name] ?? "");
  const request = {
    service,
    version: text("version"),
    values: { ...valuesFrom(text("values")), ...Object.fromEntries(given.map(entryFrom)) },
    remove: text("remove").split(",").filter(Boolean),
    expectedRevision: revisionFrom(text("revision")),
    reason: text("reason"),
  };
  const { revision } = await configs.put(request, call);
  const untilMs = performance.now() + waitMsMax;
  for (;;) {
    const found = await configs.get({ service }, call);
    const isPending = found.instances.some(({ connected, outcome }) => connected && outcome === Outcome.PENDING);
    if (values["no-wait"] === true || found.revision > revision || !isPending || performance.now() > untilMs || io.signal.aborted) {
      const code = status(invocation, found);
      return values["no-wait"] === true ? 0 : code;
    }
    await setTimeout(lookEveryMs, undefined, { signal: io.signal }).catch(() => undefined);
  }
}

/** "cache.ttlMs=30s": what is JSON is that, everything else a text. */
function entryFrom(given: string): [string, JsonValue] {
  const at = given.indexOf("=");
  if (at < 1) throw fault(cliReasons.OPTION_INVALID, `expected KEY=VALUE, such as cache.ttlMs=30s, found ${JSON.stringify(given)}`);
  const [name, value] = [given.slice(0, at), given.slice(at + 1)];
  try {
    return [name, JSON.parse(value) as JsonValue];
  } catch {
    return [name, value];
  }
}

function valuesFrom(path: string): Record<string, JsonValue> {
  if (path === "") return {};
  let json: JsonValue | undefined;
  try {
    json = JSON.parse(readFileSync(path, "utf8")) as JsonValue;
  } catch {
    // The parser's own words may quote a secret.
  }
  if (typeof json === "object" && json !== null && !Array.isArray(json)) return json;
  throw fault(cliReasons.OPTION_INVALID, `expected --values to name a file with a JSON object, found another at ${JSON.stringify(path)}`);
}

function revisionFrom(text: string): bigint {
  if (/^\d{0,15}$/.test(text)) return BigInt(text === "" ? 0 : text);
  throw fault(cliReasons.OPTION_INVALID, `expected --revision to be a number, found ${JSON.stringify(text)}`);
}

function listed(found: readonly string[]): string[] {
  return found.length === 0 ? ["  none"] : found.map((line) => `  ${line}`);
}
