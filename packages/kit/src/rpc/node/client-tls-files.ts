import type { SharedTlsMaterial, TlsMaterial } from "@weir/wire";
import { createTlsMaterial } from "@weir/wire";
import { readTlsFiles } from "../../app/tls-files.ts";
import { Call } from "../../call.ts";
import type { Logger } from "../../call.ts";
import type { Clock } from "../../clock.ts";
import { systemClock } from "../../clock.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import { createMetrics } from "../../telemetry/metrics.ts";

/** Files that say what clients show by TLS and whom they trust, which may be replaced while they run. */
export interface ClientTlsFilesOptions {
  /** PEM: the certificate, then those between it and its authority. */
  readonly certificateFile: string;
  /** PEM: its private key, not encrypted. */
  readonly keyFile: string;
  /** PEM of the authorities of servers. Default those of the platform. */
  readonly caFile?: string;
  /** How often the files are looked at. What has changed is taken at the look after, if it is the same then. Default 2000. */
  readonly lookMs?: number;
  /** Shows `weir_client_tls_certificate_expires_seconds`. Default nowhere. */
  readonly metrics?: Metrics;
  /** Told of every replacement, and why one could not be made. Default nobody. */
  readonly log?: Logger;
  readonly clock?: Clock;
}

/** What files hold for clients, for as long as it is watched. */
export interface ClientTlsFiles extends Disposable {
  /** For `tls: { material }` of `createWireTransport`, of the `connection` of a balanced client, and of wire's own clients. */
  readonly material: SharedTlsMaterial;
  /** Looks at the files no more; clients go on with what was there last. */
  close(): void;
}

/**
 * Reads the files and watches them: as soon as they hold another certificate new connections show it, calls on their way go on. Files that are
 * half written or do not fit leave the old one in place. Rejects with TLS_FILE_UNREADABLE, and with what wire has against the certificates.
 * @example createWireTransport({ url, protocol: "grpc", tls: { material: (await watchClientTls({ certificateFile, keyFile, caFile })).material } })
 */
export async function watchClientTls(options: ClientTlsFilesOptions): Promise<ClientTlsFiles> {
  const { certificateFile, keyFile, caFile, lookMs, clock = systemClock } = options;
  const context = {
    metrics: options.metrics ?? createMetrics(),
    log: options.log ?? new Call().log,
    clock,
    expiresName: "weir_client_tls_certificate_expires_seconds",
  };
  const named = {
    certificateFile,
    keyFile,
    ...(caFile !== undefined && { clientCaFile: caFile }),
    ...(lookMs !== undefined && { lookMs }),
  };
  const files = await readTlsFiles(named, context);
  const material = createTlsMaterial(materialOf(files.material), clock);
  const close = files.watch((found) => material.replace(materialOf(found)));
  return { material, close, [Symbol.dispose]: close };
}

/** The words of a server for the same three files, in those of a client. */
function materialOf({ certificates: [own], clientCa }: TlsMaterial): {
  ca: typeof clientCa;
  certificate?: string | Uint8Array;
  key?: string | Uint8Array;
} {
  return { ca: clientCa, ...own };
}
