// Makes sure that node_modules holds what package-lock.json names. It runs before `npm start` and `npm test`,
// in plain JavaScript on the system's Node, because nothing else is there yet. When nothing changed it is done in
// a few milliseconds and needs no network.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const nodeMajorMin = 24;
const root = fileURLToPath(new URL("..", import.meta.url));
const lockPath = `${root}package-lock.json`;
const installedPath = `${root}node_modules/.package-lock.json`;
const stampPath = `${root}node_modules/.cache/weir-install`;

const help = `node tools/install.mjs [--force]

Installs what package-lock.json names (npm ci) when node_modules is missing or differs, and checks that a Node
of version ${nodeMajorMin} or newer will run the rest.

  --force   install even when nothing seems to have changed
  --help    this text
`;

/** Reads a file, or answers "" when it is not there. */
function textOf(path) {
  return existsSync(path) ? readFileSync(path, "utf8") : "";
}

/**
 * Whether everything that the lock file wants on this machine is installed at that version, as npm's own record says.
 * So a tree that `npm install` has just brought up to date is not thrown away.
 */
function isInstalled(lockText) {
  const installedText = textOf(installedPath);
  if (installedText === "") return false;
  const wanted = JSON.parse(lockText).packages;
  const installed = JSON.parse(installedText).packages;
  for (const [path, one] of Object.entries(wanted)) {
    if (path === "" || !path.includes("node_modules/")) continue;
    const found = installed[path];
    if (found === undefined && (one.optional || one.peer)) continue;
    if (found === undefined || found.version !== one.version || found.integrity !== one.integrity || found.link !== one.link) return false;
  }
  return Object.keys(installed).every((path) => path in wanted);
}

function install() {
  const startedMs = Date.now();
  process.stdout.write(
    `weir: ${existsSync(installedPath) ? "package-lock.json changed" : "nothing is installed yet"}, running npm ci (about a minute) …\n`,
  );
  const npm = process.env["npm_execpath"];
  const [command, first] = npm?.endsWith(".js") ? [process.execPath, [npm]] : ["npm", []];
  const ran = spawnSync(command, [...first, "ci", "--no-audit", "--no-fund", "--loglevel=error"], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (ran.error !== undefined || ran.status !== 0) {
    process.stderr.write(
      `weir: npm ci failed (${ran.error?.message ?? `exit code ${ran.status}`}). Is the network there? Run it by hand: npm ci\n`,
    );
    process.exit(1);
  }
  process.stdout.write(`weir: installed in ${((Date.now() - startedMs) / 1000).toFixed(1)} s\n`);
}

/** Node's major version under a command, or 0 when it does not run. */
function majorOf(command) {
  const ran = spawnSync(command, ["--version"], { encoding: "utf8" });
  return Number(/^v(\d+)\./.exec(ran.stdout ?? "")?.[1] ?? 0);
}

/** npm puts node_modules/.bin first, so the Node installed there runs the scripts; without one, this very Node does. */
function checkNode() {
  const local = `${root}node_modules/.bin/node`;
  if (existsSync(local) && majorOf(local) >= nodeMajorMin) return;
  const own = Number(process.versions.node.split(".")[0]);
  if (own >= nodeMajorMin) return;
  process.stderr.write(
    `weir: expected Node ${nodeMajorMin} or newer, found ${process.versions.node}, and no Node came with the packages for ` +
      `${process.platform} ${process.arch}. Install one (nodejs.org) and try again; optional packages must not be left out.\n`,
  );
  process.exit(1);
}

if (process.argv.includes("--help")) {
  process.stdout.write(help);
  process.exit(0);
}

const lockText = textOf(lockPath);
const stamp = createHash("sha256").update(`${process.platform} ${process.arch} ${process.versions.node} ${lockText}`).digest("hex");
const isStamped = textOf(stampPath) === stamp && existsSync(installedPath);
if (process.argv.includes("--force") || !isStamped) {
  if (process.argv.includes("--force") || !isInstalled(lockText)) install();
  checkNode();
  mkdirSync(`${root}node_modules/.cache`, { recursive: true });
  writeFileSync(stampPath, stamp);
}
