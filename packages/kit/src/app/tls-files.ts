import type { TlsMaterial, TlsServerOptions } from "@weir/wire";
import { X509Certificate } from "node:crypto";
import { open } from "node:fs/promises";
import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { Metrics } from "../telemetry/metrics.ts";

/** TLS of an app, from files that may be replaced while it runs; the rest as wire has it. */
export interface AppTlsOptions extends Omit<TlsServerOptions, "certificates" | "clientCa"> {
  /** PEM: the certificate, then those between it and its authority. */
  readonly certificateFile: string;
  /** PEM: its private key, not encrypted. */
  readonly keyFile: string;
  /** PEM of the authorities of clients. Default none: clients show no certificates. */
  readonly clientCaFile?: string;
  /** How often the files are looked at. What has changed is taken at the look after, if it is the same then. Default 2000. */
  readonly lookMs?: number;
}

/** What the files are watched with. */
export interface TlsFilesContext {
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly clock: Clock;
  /** The gauge that tells when the certificate ends. Default "weir_tls_certificate_expires_seconds". */
  readonly expiresName?: string;
}

/** Files of TLS, and what they hold. */
export interface TlsFiles {
  /** As they were when they were read. */
  readonly material: TlsMaterial;
  /**
   * Hands over what the files hold whenever that has changed: read anew each time, by their paths, so it does not matter
   * whether they were written over, renamed over or reached by a link that now leads elsewhere. What `replace` throws is
   * logged, and the old stays. Answers how to stop.
   */
  watch(replace: (material: TlsMaterial) => void): () => void;
}

const fileBytesMax = 1_048_576;

/** Reads the files. Rejects with TLS_FILE_UNREADABLE, naming the one that is missing, unreadable or longer than 1 MiB. */
export async function readTlsFiles(options: AppTlsOptions, context: TlsFilesContext): Promise<TlsFiles> {
  const { clock, log, metrics, expiresName = "weir_tls_certificate_expires_seconds" } = context;
  const { lookMs = 2000 } = options;
  const expires = metrics.gauge({ name: expiresName, help: "When the certificate in use ends, since 1970." });
  let used = await materialFrom(options);
  const material = used;
  tell(used);

  function tell(taken: TlsMaterial): void {
    const [first] = taken.certificates;
    try {
      expires.set(Date.parse(new X509Certificate(first?.certificate ?? "").validTo) / 1000);
    } catch {
      // Whoever uses it says what is wrong with it.
    }
  }

  function watch(replace: (material: TlsMaterial) => void): () => void {
    let last = used;
    let said = "";
    let isStopped = false;
    let cancel = clock.after(lookMs, () => void look());
    const say = (message: string, error: unknown): void => {
      const text = String(error);
      // Once for each mishap, not once for each look.
      if (text !== said) log.error(message, { error });
      said = text;
    };
    const look = async (): Promise<void> => {
      try {
        const found = await materialFrom(options);
        const isSteady = isSame(found, last);
        last = found;
        if (isStopped || !isSteady || isSame(found, used)) return;
        used = found;
        replace(found);
        tell(found);
        said = "";
        log.info("certificates replaced", { file: options.certificateFile });
      } catch (error) {
        say("certificates could not be replaced; the old ones stay", error);
      } finally {
        if (!isStopped) cancel = clock.after(lookMs, () => void look());
      }
    };
    return () => {
      isStopped = true;
      cancel();
    };
  }
  return { material, watch };
}

async function materialFrom({ certificateFile, keyFile, clientCaFile }: AppTlsOptions): Promise<TlsMaterial> {
  const [certificate, key, clientCa] = await Promise.all([
    contentOf(certificateFile),
    contentOf(keyFile),
    clientCaFile === undefined ? undefined : contentOf(clientCaFile),
  ]);
  return { certificates: [{ certificate, key }], clientCa };
}

async function contentOf(path: string): Promise<string> {
  try {
    await using file = await open(path, "r");
    const bytes = Buffer.alloc(fileBytesMax + 1);
    let length = 0;
    for (let count = -1; count !== 0 && length < bytes.length; length += count) {
      count = (await file.read(bytes, length, bytes.length - length, null)).bytesRead;
    }
    if (length > fileBytesMax) throw new Error(`longer than ${fileBytesMax} bytes`);
    return bytes.toString("latin1", 0, length);
  } catch (cause) {
    const found = cause instanceof Error ? cause.message : "an error";
    throw fault(kitReasons.TLS_FILE_UNREADABLE, `Expected a file of certificates or keys at ${path}, found ${found}.`, { cause });
  }
}

function isSame(left: TlsMaterial, right: TlsMaterial): boolean {
  const [one, other] = [left.certificates[0], right.certificates[0]];
  return one?.certificate === other?.certificate && one?.key === other?.key && left.clientCa === right.clientCa;
}
