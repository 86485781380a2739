import type { LoadSheddingOptions } from "./load-shedding.ts";

/** What may make an instance shed. */
export type LoadSignal = "loop_delay" | "utilisation" | "in_flight" | "queue_age";

/** What the signals are now. */
export interface LoadSignals {
  readonly loopDelayMs: number;
  readonly utilisation: number;
  readonly inFlight: number;
  readonly queueAgeMs: number;
}

/** Where in-flight calls begin to count, as a share of the capacity. */
const inFlightFrom = 0.8;
const utilisationLoadMax = 0.5;

/**
 * The largest load that the signals make, and which of them. Below 0 it says how far that signal is from where shedding begins, as a share
 * of it: -1 is quiet.
 */
export function loadOf(
  signals: LoadSignals,
  bounds: Required<LoadSheddingOptions>,
): { readonly load: number; readonly signal: LoadSignal } {
  const { loopDelayMs, loopDelayMsMax, queueAgeMs, queueAgeMsMax, inFlightMax, utilisation } = bounds;
  let load = ramp(signals.loopDelayMs, loopDelayMs, loopDelayMsMax);
  let signal: LoadSignal = "loop_delay";
  const inFlight = ramp(signals.inFlight, inFlightMax * inFlightFrom, inFlightMax);
  if (inFlight > load) [load, signal] = [inFlight, "in_flight"];
  const queueAge = ramp(signals.queueAgeMs, queueAgeMs, queueAgeMsMax);
  if (queueAge > load) [load, signal] = [queueAge, "queue_age"];
  const used = Math.min(utilisationLoadMax, ramp(signals.utilisation, utilisation, 1 + (1 - utilisation)));
  if (used > load) [load, signal] = [used, "utilisation"];
  return { load, signal };
}

function ramp(value: number, from: number, full: number): number {
  return (value - from) / (value < from ? from : full - from);
}
