import { serverSettingsFrom, type ServerSettings } from "../../options.ts";
import { fuzzClock } from "./fuzz-clock.ts";

const free: ServerSettings[] = [];

/**
 * Settings for the connections of one outcome at a time, whose counters tell what it leaves in flight. They serve again once
 * they are given back, so that connections share what those of one server share.
 */
export function takeSettings(): ServerSettings {
  return free.pop() ?? serverSettingsFrom({ clock: fuzzClock });
}

/** Gives settings back. Throws when something is still in flight. */
export function giveBack(settings: ServerSettings): void {
  const { requestsInFlight } = settings.counters;
  if (requestsInFlight !== 0) throw new Error(`expected no request in flight, found ${requestsInFlight}`);
  free.push(settings);
}
