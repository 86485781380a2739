import { basename, resolve } from "node:path";
import type { JsonValue } from "../contract/contract.ts";
import { fault, faultFrom } from "../fault.ts";
import { parseCommentedJson } from "./commented-json.ts";
import type { Problem } from "./config.weir.ts";
import type { FileContent } from "./file-content.ts";
import { contentOf } from "./file-content.ts";
import { watchPath } from "./path-watch.ts";
import { problemsText } from "./place.ts";
import { configReasons } from "./reasons.ts";
import { flattened } from "./schema.ts";
import type { ConfigSource, Offer, SourceHost } from "./source.ts";

/** Which file a configuration is read from. */
export interface FileSourceOptions {
  /** JSON in which comments and a comma behind the last item are allowed. */
  readonly path: string;
  /** Start without it; it is taken once it is there. Default false. */
  readonly optional?: boolean;
  /** A change is taken when two looks, so far apart, found the same: editors write in pieces. Default 100. */
  readonly quietMs?: number;
  /** How often the path is looked at beside what the platform tells of. Default 2000. */
  readonly pollMs?: number;
  /** A longer file is refused. Default 1,048,576. */
  readonly bytesMax?: number;
}

/** A file that is written to without a pause is judged all the same after so many looks. */
const looksMax = 50;

interface Settings extends Required<FileSourceOptions> {
  readonly name: string;
}

interface FileState {
  /** Revision of the content that was offered last; "" before. */
  offered: string;
  outcome: "not read" | "in force" | "refused";
  readAtMs: number;
  /** Why it cannot be read now; "" when it can. Said once and not at every look. */
  missing: string;
}

/**
 * Values from a file, read anew whenever it changes. A file that is gone, may no longer be read, is too long or no text takes
 * nothing away: what it gave last stays, and `explain()` and the log say so. Starting rejects with CONFIG_UNREADABLE or CONFIG_INVALID.
 */
export function fileSource(options: FileSourceOptions): ConfigSource {
  const path = resolve(options.path);
  const settings: Settings = {
    optional: false,
    quietMs: 100,
    pollMs: 2000,
    bytesMax: 1_048_576,
    ...options,
    path,
    name: `file ${basename(path)}`,
  };
  const state: FileState = { offered: "", outcome: "not read", readAtMs: 0, missing: "" };
  let host: SourceHost | undefined;
  let stop: () => Promise<void> = async () => undefined;
  return {
    kind: "file",
    name: settings.name,
    async start(given) {
      host = given;
      await readFirst(settings, state, host);
      stop = follow(settings, state, host);
    },
    state: () => ({ state: state.missing || state.outcome, ageMs: (host?.clock.monotonicMs() ?? 0) - state.readAtMs }),
    stop: () => stop(),
  };
}

async function readFirst(settings: Settings, state: FileState, host: SourceHost): Promise<void> {
  let content: FileContent;
  try {
    content = await contentOf(settings.path, settings.bytesMax);
  } catch (error) {
    if (!settings.optional) throw error;
    unreadable(state, host, error);
    return;
  }
  const outcome = await offerContent(content, { settings, state, host });
  if (!outcome.taken)
    throw fault(configReasons.CONFIG_INVALID, `The configuration in ${settings.path} cannot be used: ${problemsText(outcome.problems)}.`);
}

async function offerContent(
  content: FileContent,
  { settings, state, host }: { settings: Settings; state: FileState; host: SourceHost },
): ReturnType<SourceHost["offer"]> {
  state.offered = content.revision;
  state.readAtMs = host.clock.monotonicMs();
  const outcome = await host.offer(offerOf(content, settings.name, host));
  state.outcome = outcome.taken ? "in force" : "refused";
  return outcome;
}

/** A file as values. Never throws: what is wrong with it is in the offer. */
function offerOf({ text, revision }: FileContent, name: string, { schema }: SourceHost): Offer {
  let tree: JsonValue;
  let lines: ReadonlyMap<string, number>;
  try {
    ({ value: tree, lines } = parseCommentedJson(text));
  } catch (error) {
    const [, where, expected, found] = /^(line [^:]*): expected (.*), found ([^]*)$/.exec(String((error as Error).message)) ?? [];
    const problem: Problem = { key: "", expected: expected ?? "JSON", found: `${found ?? "none"} in ${name}, ${where ?? "line 1"}` };
    return { revision, values: new Map(), problems: [problem] };
  }
  const { values, problems } = flattened(tree, schema.keys);
  const whereIs = (key: string): string => {
    const line = lines.get(key);
    return line === undefined ? name : `${name}, line ${line}`;
  };
  return { revision, values, problems, whereIs };
}

/** Looks after each stir until two looks agree. Answers how to stop; that waits for the look under way. */
function follow(settings: Settings, state: FileState, host: SourceHost): () => Promise<void> {
  const stopping = new AbortController();
  const { signal } = stopping;
  let looking: Promise<void> | undefined;
  let stirred = false;
  const pause = (): Promise<void> => host.clock.sleep(settings.quietMs, signal).catch(() => undefined);

  async function settle(): Promise<void> {
    let last = "";
    for (let looks = 1; !signal.aborted; looks++) {
      const content = await readAgain(settings, state, host);
      if (!content || content.revision === state.offered || signal.aborted) return;
      if (content.revision === last || looks === looksMax) {
        await offerContent(content, { settings, state, host });
        return;
      }
      last = content.revision;
      await pause();
    }
  }
  async function look(): Promise<void> {
    while (stirred && !signal.aborted) {
      stirred = false;
      await settle();
      // What stirs all the time is looked at no more often than this.
      if (stirred) await pause();
    }
    looking = undefined;
  }
  const onStir = (): void => {
    stirred = true;
    looking ??= look();
  };
  const stopWatch = watchPath({ path: settings.path, pollMs: settings.pollMs, clock: host.clock, onStir });
  return async () => {
    stopWatch();
    stopping.abort();
    await looking;
  };
}

async function readAgain(settings: Settings, state: FileState, host: SourceHost): Promise<FileContent | undefined> {
  try {
    const content = await contentOf(settings.path, settings.bytesMax);
    state.readAtMs = host.clock.monotonicMs();
    state.missing = "";
    return content;
  } catch (error) {
    unreadable(state, host, error);
    return undefined;
  }
}

function unreadable(state: FileState, { log }: SourceHost, error: unknown): void {
  const { message } = faultFrom(error);
  if (message !== state.missing) log.error("configuration cannot be read; what was in force stays", { found: message });
  state.missing = message;
}
