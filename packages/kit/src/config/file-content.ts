import { createHash } from "node:crypto";
import { open, stat } from "node:fs/promises";
import { fault, isFault } from "../fault.ts";
import { configReasons } from "./reasons.ts";

/** A file as it was read. */
export interface FileContent {
  readonly text: string;
  /** The first 12 hex digits of the SHA-256 of its bytes. */
  readonly revision: string;
}

/** Reads a file of text, without the byte order mark. Rejects with CONFIG_UNREADABLE, naming what is wrong with it. */
export async function contentOf(path: string, bytesMax: number): Promise<FileContent> {
  try {
    // To open a pipe would hold one of the platform's few threads until somebody writes.
    if (!(await stat(path)).isFile()) throw unreadable(path, "something else");
    await using file = await open(path, "r");
    const bytes = Buffer.alloc(bytesMax + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = (await file.read(bytes, length, bytes.length - length, null)).bytesRead;
    }
    if (length > bytesMax) throw unreadable(path, `one longer than ${bytesMax} bytes`);
    const whole = bytes.subarray(0, length);
    return {
      text: new TextDecoder("utf-8", { fatal: true }).decode(whole),
      revision: createHash("sha256").update(whole).digest("hex").slice(0, 12),
    };
  } catch (error) {
    if (isFault(error)) throw error;
    throw unreadable(path, error instanceof TypeError ? "bytes that are no UTF-8" : whatFailed(error), error);
  }
}

/** What tells whether a path leads to the same bytes as before, without reading them; "" when it leads nowhere. */
export async function fingerprintOf(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(" ");
  } catch (error) {
    return `none: ${whatFailed(error)}`;
  }
}

function whatFailed(error: unknown): string {
  const code = typeof error === "object" && error !== null && "code" in error ? String(error.code) : "";
  const known: Readonly<Record<string, string>> = {
    ENOENT: "none",
    ENOTDIR: "none",
    EACCES: "one that this process may not read",
    EPERM: "one that this process may not read",
    ELOOP: "links that lead to each other",
  };
  return known[code] ?? (code || String(error));
}

function unreadable(path: string, found: string, cause?: unknown): Error {
  return fault(configReasons.CONFIG_UNREADABLE, `Expected a readable file at ${path}, found ${found}.`, { cause });
}
