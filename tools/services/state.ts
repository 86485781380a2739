import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";

/** What `up` has to remember about one service: where its files are, its port and its password. */
export interface ServiceState {
  readonly folder: string;
  readonly port: number;
  readonly password: string;
}

/** Folder of all services' files, below the checkout. */
export function servicesFolder(root: string): string {
  return `${root}.weir/services`;
}

function statePath(root: string, name: string): string {
  return `${servicesFolder(root)}/${name}.json`;
}

/** What was remembered of a service; undefined before its first start. */
export function readState(root: string, name: string): ServiceState | undefined {
  const path = statePath(root, name);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as ServiceState) : undefined;
}

/** Remembers a service, readable for its owner only: the password stands there. */
export function writeState(root: string, name: string, state: ServiceState): void {
  mkdirSync(servicesFolder(root), { recursive: true });
  writeFileSync(statePath(root, name), `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
}

/** A password that nobody has to type. */
export function newPassword(): string {
  return randomBytes(18).toString("base64url");
}
