import { createHash } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Snapshot } from "@weir/api/snapshots";
import { placeAmongPrograms } from "@weir/kit/contract/json";
import { parseJson } from "@weir/kit/contract/json-text";
import { fault, faultFrom } from "@weir/kit/fault";
import { gatewayReasons } from "./reasons.ts";

/** Where a gateway keeps the Snapshot it holds, so that it can start again without control. */
export interface SnapshotFile {
  /** The stored Snapshot; undefined when there is none. Rejects with SNAPSHOT_FILE_INVALID when it is damaged. */
  read(): Promise<Snapshot | undefined>;
  /** Resolves when the Snapshot would survive a loss of power. Rejects with SNAPSHOT_NOT_STORED; the old one then stays. */
  write(snapshot: Snapshot): Promise<void>;
}

const formatLine = "weir-snapshot 1 sha256 ";

/**
 * `snapshot.json` in `stateDir`, which is made when missing: a line with the format and a checksum, then the Snapshot as
 * JSON. It is written beside, synced, renamed over the old one, and the directory synced: a reader finds the old or the
 * new one, whole.
 */
export function createSnapshotFile(stateDir: string): SnapshotFile {
  const path = join(stateDir, "snapshot.json");
  return {
    async read() {
      let text: string;
      try {
        text = await readFile(path, "utf8");
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw fault(gatewayReasons.SNAPSHOT_FILE_INVALID, `Expected to read ${path}, found ${faultFrom(thrown).message}.`, {
          cause: thrown,
        });
      }
      return snapshotFromText(text, path);
    },
    async write(snapshot) {
      try {
        await replaceFile(path, textFromSnapshot(snapshot));
      } catch (thrown) {
        throw fault(gatewayReasons.SNAPSHOT_NOT_STORED, `Expected to store revision ${snapshot.revision} in ${path}.`, { cause: thrown });
      }
    },
  };
}

function textFromSnapshot(snapshot: Snapshot): string {
  const json = Snapshot.toJson(snapshot);
  return `${formatLine}${checksumOf(json)}\n${json}\n`;
}

function snapshotFromText(text: string, path: string): Snapshot {
  const lineEnd = text.indexOf("\n");
  const head = text.slice(0, Math.max(0, lineEnd));
  if (!head.startsWith(formatLine))
    throw invalid(path, `a first line that begins "${formatLine.trim()}"`, JSON.stringify(text.slice(0, 40)));
  const json = text.slice(lineEnd + 1).trimEnd();
  const found = checksumOf(json);
  const expected = head.slice(formatLine.length);
  if (found !== expected) throw invalid(path, `the checksum ${expected}`, `${found} over ${json.length} characters`);
  try {
    // A newer gateway may have written it: this one must start all the same.
    return Snapshot.fromJson(parseJson(json), placeAmongPrograms());
  } catch (thrown) {
    throw invalid(path, "a Snapshot", faultFrom(thrown).message);
  }
}

function invalid(path: string, expected: string, found: string): Error {
  return fault(gatewayReasons.SNAPSHOT_FILE_INVALID, `Expected ${expected} in ${path}, found ${found}.`);
}

function checksumOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

async function replaceFile(path: string, text: string): Promise<void> {
  const directory = dirname(path);
  await mkdir(directory, { recursive: true });
  const beside = `${path}.new`;
  const file = await open(beside, "w", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(beside, path);
  const folder = await open(directory, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}
