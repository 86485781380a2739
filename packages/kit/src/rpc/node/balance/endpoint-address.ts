import type { Fault } from "../../../fault.ts";
import { fault } from "../../../fault.ts";
import { kitReasons } from "../../../reasons.ts";
import type { Speech } from "./speech.ts";

/** Where an endpoint is. */
export interface EndpointAddress {
  /** Name or IP address, IPv6 without brackets. */
  readonly host: string;
  readonly port: number;
  /** Its share beside others. Default 1, more than 0, at most 100. */
  readonly weight?: number;
  /** What it takes. Default whatever the client sends. */
  readonly speaks?: Speech;
}

/** "127.0.0.1:7001", "[::1]:7001". */
export function addressKey({ host, port }: EndpointAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** "127.0.0.1:7001", "[::1]:7001", "a.internal:7001;weight=3". Throws TARGET_INVALID. */
export function addressFrom(text: string): EndpointAddress {
  const [, bracketed, plain, digits, weight] =
    /^(?:\[([^\]]+)\]|([^:;[\]\s/@]+)):(\d{1,5})(?:;weight=(\d{1,3}(?:\.\d+)?))?$/.exec(text) ?? [];
  const host = bracketed ?? plain;
  const port = Number(digits);
  if (host === undefined || port < 1 || port > 65_535) throw invalid("host:port", text);
  if (weight === undefined) return { host, port };
  if (Number(weight) <= 0 || Number(weight) > 100) throw invalid("a weight over 0 and at most 100", text);
  return { host, port, weight: Number(weight) };
}

function invalid(expected: string, found: string): Fault {
  return fault(kitReasons.TARGET_INVALID, `Expected ${expected}, found "${found}".`);
}
