import type { GatewayOptions } from "@weir/gateway";
import { fault } from "@weir/kit/fault";
import type { Io } from "./command.ts";
import { cliReasons } from "./reasons.ts";

/** A port from the environment, or the default. Throws OPTION_INVALID. */
export function portFrom(io: Pick<Io, "environment">, { name, fallback }: { name: string; fallback: number }): number {
  const text = io.environment[name];
  if (text === undefined || text === "") return fallback;
  const port = Number(text);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw fault(cliReasons.OPTION_INVALID, `expected ${name} to be a port from 0 to 65535, found ${JSON.stringify(text)}`);
}

/**
 * Files of TLS from the environment: WEIR_TLS_CERTIFICATE_FILE and WEIR_TLS_KEY_FILE, both or neither, and with them
 * WEIR_TLS_CLIENT_CA_FILE. Undefined for cleartext. Throws OPTION_INVALID.
 */
export function tlsFrom({ environment }: Pick<Io, "environment">): GatewayOptions["tls"] {
  const [certificateFile, keyFile, clientCaFile] = ["CERTIFICATE", "KEY", "CLIENT_CA"].map(
    (name) => environment[`WEIR_TLS_${name}_FILE`] || undefined,
  );
  if (certificateFile !== undefined && keyFile !== undefined) return { certificateFile, keyFile, ...(clientCaFile && { clientCaFile }) };
  if (certificateFile === undefined && keyFile === undefined && clientCaFile === undefined) return undefined;
  const lacking = certificateFile === undefined ? "CERTIFICATE" : "KEY";
  throw fault(cliReasons.OPTION_INVALID, `expected WEIR_TLS_${lacking}_FILE beside the other files of TLS, found none`);
}

/** Resolves once the signal has aborted. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolveStopped) => {
    if (signal.aborted) resolveStopped();
    else signal.addEventListener("abort", () => resolveStopped(), { once: true });
  });
}
