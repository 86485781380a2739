import { listOfExtensions, type Extension } from "./extensions.ts";

/** permessage-deflate, RFC 7692. */
export interface DeflateOptions {
  /** Messages shorter than this leave as they are, in bytes. Default 1024. */
  readonly thresholdBytes?: number;
  /**
   * Compress each message with the ones before it in view. Better by a half for small messages, at about 300 KB a session.
   * Only when the peer wants it too. Default false, both ways.
   */
  readonly contextTakeover?: boolean;
  /** 1 (fast) to 9 (small). Default 3. */
  readonly level?: number;
  /** Messages that are compressed or decompressed at once, all sessions of these options together; others wait. Default 4. */
  readonly concurrencyMax?: number;
}

/** DeflateOptions with every default filled in. */
export interface DeflateSettings {
  readonly thresholdBytes: number;
  readonly contextTakeover: boolean;
  readonly level: number;
  readonly turns: Turns;
}

/** What was agreed on for one session, as this side sees it. */
export interface DeflateAgreement {
  /** Whether what we send may refer to earlier messages, and whether what comes may. */
  readonly sendTakeover: boolean;
  readonly receiveTakeover: boolean;
  /** Window of what we send, as a power of two. */
  readonly sendWindowBits: number;
}

/** DeflateOptions with every default filled in. */
export function deflateSettingsFrom(options: DeflateOptions): DeflateSettings {
  return Object.freeze({
    thresholdBytes: options.thresholdBytes ?? 1024,
    contextTakeover: options.contextTakeover ?? false,
    level: options.level ?? 3,
    turns: new Turns(options.concurrencyMax ?? 4),
  });
}

/** At most so many at once; whoever comes later waits its turn. A session waits with at most one message each way. */
export class Turns {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(countMax: number) {
    this.#free = countMax;
  }

  /** Runs `work` in its turn. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => void this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

const name = "permessage-deflate";

/** What a client offers. */
export function deflateOffer(settings: DeflateSettings): string {
  return settings.contextTakeover ? name : `${name}; server_no_context_takeover; client_no_context_takeover`;
}

/** The first offer that a server can take, and how it says so; undefined when there is none. RFC 7692 §7.1. */
export function acceptDeflate(
  offers: readonly Extension[],
  settings: DeflateSettings,
): { readonly agreement: DeflateAgreement; readonly answer: string } | undefined {
  for (const offer of offers) {
    if (offer.name !== name) continue;
    const said = parametersOf(offer, true);
    // zlib cannot make raw streams with a window of 256 bytes.
    if (said === undefined || said.serverBits === 8) continue;
    const sendTakeover = settings.contextTakeover && !said.serverNoTakeover;
    const receiveTakeover = settings.contextTakeover && !said.clientNoTakeover;
    const answer =
      name +
      (sendTakeover ? "" : "; server_no_context_takeover") +
      (receiveTakeover ? "" : "; client_no_context_takeover") +
      (said.serverBits === undefined ? "" : `; server_max_window_bits=${said.serverBits}`);
    return { agreement: { sendTakeover, receiveTakeover, sendWindowBits: said.serverBits ?? 15 }, answer };
  }
  return undefined;
}

/**
 * What a server's answer agrees on: an agreement, undefined for no compression, or a text that says what is wrong with it.
 * RFC 7692 §7.1: an answer to what was not offered fails the handshake.
 */
export function agreedDeflate(answer: string | undefined, settings: DeflateSettings | undefined): DeflateAgreement | string | undefined {
  if (answer === undefined) return undefined;
  const extensions = listOfExtensions(answer);
  const [only] = extensions ?? [];
  if (extensions?.length !== 1 || only === undefined || only.name !== name || settings === undefined)
    return "an extension that was not offered";
  const said = parametersOf(only, false);
  // A client's window can only be bounded by a server when the client has said that it can bound it.
  if (said === undefined || said.clientBits !== undefined) return "parameters that do not fit the offer";
  if (!settings.contextTakeover && !said.serverNoTakeover) return "context takeover that was offered without";
  const takeover = settings.contextTakeover;
  return { sendTakeover: takeover && !said.clientNoTakeover, receiveTakeover: takeover && !said.serverNoTakeover, sendWindowBits: 15 };
}

interface Parameters {
  readonly serverNoTakeover: boolean;
  readonly clientNoTakeover: boolean;
  readonly serverBits: number | undefined;
  readonly clientBits: number | undefined;
}

/** The parameters, or undefined when one is unknown, repeated or out of range. `offer`: client_max_window_bits may have no value. */
function parametersOf(extension: Extension, offer: boolean): Parameters | undefined {
  let [serverNoTakeover, clientNoTakeover] = [false, false];
  let serverBits: number | undefined;
  let clientBits: number | undefined;
  const seen = new Set<string>();
  for (const { name: key, value } of extension.parameters) {
    if (seen.has(key)) return undefined;
    seen.add(key);
    if (key === "server_no_context_takeover" && value === undefined) serverNoTakeover = true;
    else if (key === "client_no_context_takeover" && value === undefined) clientNoTakeover = true;
    else if (key === "server_max_window_bits" && isBits(value)) serverBits = Number(value);
    else if (key === "client_max_window_bits" && (isBits(value) || (offer && value === undefined))) clientBits = Number(value ?? 15);
    else return undefined;
  }
  return { serverNoTakeover, clientNoTakeover, serverBits, clientBits };
}

function isBits(value: string | undefined): boolean {
  return value !== undefined && /^([89]|1[0-5])$/.test(value);
}
