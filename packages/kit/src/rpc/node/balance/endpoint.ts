import type { Client } from "@weir/wire";
import type { Counter } from "../../../telemetry/metrics.ts";
import type { OutlierRecord } from "./outlier.ts";
import { createOutlierRecord } from "./outlier.ts";
import type { EndpointAddress } from "./endpoint-address.ts";
import { addressKey } from "./endpoint-address.ts";

/** Time in which what was measured loses all but a third of its weight. */
const latencyTauMs = 5000;
/** The average is over about as many answers, or fewer when they are old. */
const answersMax = 100;
/** Of fewer answers, older ones counting less, nothing is said: the first one holds the making of a connection too. */
const answersMin = 10;

/**
 * Whether connections to an endpoint are made: "up" as far as is known; "down" after one could not be made; "trial" when its pause is
 * over and one request may find out; "tried" while that request is under way.
 */
export type Reach = "up" | "down" | "trial" | "tried";

/** One endpoint with its connections and what is known of it. */
export class Endpoint {
  readonly key: string;
  readonly address: EndpointAddress;
  readonly client: Client;
  readonly picks: Counter;
  /** Its share beside others. */
  weight: number;
  /** Requests whose answer is not whole. */
  inFlight = 0;
  reach: Reach = "up";
  /** Connections in a row that could not be made. */
  connectFailures = 0;
  /** Cancels the end of its pause. */
  cancelPause: (() => void) | undefined;
  /** When the head of an answer came last. */
  answeredMs: number = -Infinity;
  readonly outlier: OutlierRecord = createOutlierRecord();
  /** How long it took to answer, on average; 0 for not known. */
  latencyMs = 0;
  /** Of how many answers that is the average, and when the last of them was measured. */
  #answers = 0;
  #measuredMs = 0;

  constructor(address: EndpointAddress, parts: { readonly client: Client; readonly picks: Counter }) {
    this.key = addressKey(address);
    this.address = address;
    this.client = parts.client;
    this.picks = parts.picks;
    this.weight = address.weight ?? 1;
  }

  /** Whether requests may be sent to it. */
  get available(): boolean {
    return this.outlier.ejectedAtMs === undefined && (this.reach === "up" || this.reach === "trial");
  }

  /** Notes how long an answer took. */
  measured(latencyMs: number, nowMs: number): void {
    this.#answers = Math.min(answersMax, this.#answersLeft(nowMs) + 1);
    this.#measuredMs = nowMs;
    this.latencyMs += (latencyMs - this.latencyMs) / this.#answers;
  }

  /** Whether its latency says anything: of enough answers, and not too long ago. One that is not asked is so forgiven after a while. */
  isMeasured(nowMs: number): boolean {
    return this.#answersLeft(nowMs) >= answersMin;
  }

  #answersLeft(nowMs: number): number {
    return nowMs === this.#measuredMs ? this.#answers : this.#answers * Math.exp((this.#measuredMs - nowMs) / latencyTauMs);
  }
}
