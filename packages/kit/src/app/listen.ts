import type { ListenAddress, ListenOptions, Server } from "@weir/wire";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

const found: Readonly<Record<string, string>> = {
  EADDRINUSE: "it taken by another process",
  EACCES: "that this process may not",
  EADDRNOTAVAIL: "no such address on this machine",
  ENOTFOUND: "no such host",
};

/** Listens, or rejects with ADDRESS_UNAVAILABLE saying which address and why not. */
export async function listenOn(server: Server, options: ListenOptions): Promise<ListenAddress> {
  try {
    return await server.listen(options);
  } catch (error) {
    const code = error instanceof Error && "code" in error ? String(error.code) : "";
    const address = `${options.host ?? "127.0.0.1"}:${options.port}`;
    const message = `Expected to listen on ${address}, found ${found[code] ?? "an error"}${code === "" ? "" : ` (${code})`}.`;
    throw fault(kitReasons.ADDRESS_UNAVAILABLE, message, { cause: error });
  }
}
