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

/** Resolves once the signal has aborted. */
export function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolveStopped) => {
    if (signal.aborted) resolveStopped();
    else signal.addEventListener("abort", () => resolveStopped(), { once: true });
  });
}
