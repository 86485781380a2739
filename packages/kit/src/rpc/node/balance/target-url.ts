import type { Clock } from "../../../clock.ts";
import type { Fault } from "../../../fault.ts";
import { fault } from "../../../fault.ts";
import { kitReasons } from "../../../reasons.ts";
import type { DnsOptions } from "./dns-target.ts";
import { createDnsTarget } from "./dns-target.ts";
import { createStaticTarget } from "./static-target.ts";
import { addressFrom } from "./endpoint-address.ts";
import type { Target } from "./target.ts";
import type { ControlOptions } from "./weir-target.ts";
import { createWeirTarget } from "./weir-target.ts";

/** What the targets of the three schemes need beside their url. */
export interface TargetParts {
  readonly dns: DnsOptions;
  readonly control: ControlOptions | undefined;
  readonly clock: Clock;
}

const form = /^(static|dns|weir):\/\/\/([^?#]+)(?:\?([^#]*))?$/;

/**
 * A target from its url: `static:///127.0.0.1:7001,[::1]:7002;weight=3`, `dns:///feed.internal:7000`, `weir:///feed?version=v2`.
 * Throws TARGET_INVALID.
 */
export function targetFromUrl(url: string, parts: TargetParts): Target {
  const [, scheme, path = "", query] = form.exec(url) ?? [];
  if (scheme === "static" && query === undefined) return createStaticTarget(url, path.split(",").map(addressFrom));
  if (scheme === "dns" && query === undefined)
    return createDnsTarget(url, { ...parts.dns, address: addressFrom(path), clock: parts.clock });
  if (scheme !== "weir") throw invalid("static:///host:port,…, dns:///host:port or weir:///service", url);
  if (parts.control === undefined) throw invalid("the option control beside a weir target", "none");
  const search = new URLSearchParams(query);
  const version = search.get("version") ?? undefined;
  const unknown = [...search.keys()].find((key) => key !== "version");
  if (unknown !== undefined || version === "") throw invalid("no parameter but ?version=", url);
  return createWeirTarget(url, { ...parts.control, service: path, version, clock: parts.clock });
}

function invalid(expected: string, found: string): Fault {
  return fault(kitReasons.TARGET_INVALID, `Expected ${expected}, found "${found}".`);
}
