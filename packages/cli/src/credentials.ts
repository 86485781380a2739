import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fault } from "@weir/kit/fault";
import type { WireTransport } from "@weir/kit/rpc/node/transport";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Io } from "./command.ts";
import { cliReasons } from "./reasons.ts";

/** Where control is and what proves who asks. */
export interface Credentials {
  readonly controlUrl: string;
  readonly token: string;
}

/** Where `weir dev` keeps its state, below the folder it was started in. */
export const devDirectory: string = join(".weir", "dev");

const file = "credentials.json";

/** Keeps credentials for the commands that are run beside `weir dev`; only their owner may read them. */
export function saveCredentials(directory: string, credentials: Credentials): void {
  const path = join(directory, file);
  writeFileSync(path, JSON.stringify(credentials), { mode: 0o600 });
  chmodSync(path, 0o600);
}

/** From WEIR_CONTROL_URL and WEIR_TOKEN, else from a `weir dev` in this folder. Rejects with CREDENTIALS_MISSING. */
export function findCredentials(io: Pick<Io, "environment">): Credentials {
  const controlUrl = io.environment["WEIR_CONTROL_URL"];
  const token = io.environment["WEIR_TOKEN"];
  if (controlUrl && token) return { controlUrl, token };
  try {
    return JSON.parse(readFileSync(join(devDirectory, file), "utf8")) as Credentials;
  } catch {
    throw fault(
      cliReasons.CREDENTIALS_MISSING,
      "expected WEIR_CONTROL_URL and WEIR_TOKEN, or a `weir dev` that runs in this folder; found neither",
    );
  }
}

/** Calls control with the credentials that are found, and lets go of the connection afterwards: it would hold the process. */
export async function withControl<T>(io: Pick<Io, "environment">, use: (transport: WireTransport) => Promise<T>): Promise<T> {
  const transport = controlTransport(findCredentials(io));
  try {
    return await use(transport);
  } finally {
    await transport.close();
  }
}

/** How to call control with these credentials. Whoever makes it closes it. */
export function controlTransport({ controlUrl, token }: Credentials): WireTransport {
  return createWireTransport({ url: controlUrl, metadata: ["authorization", `Bearer ${token}`] });
}
