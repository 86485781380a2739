import { isProbeDue, type Health } from "./health.ts";

/** What a choice among endpoints looks at. */
export interface Choosable {
  inFlight: number;
  readonly health: Health;
}

/** Endpoints to choose among. `turn` moves with every choice, so that equally loaded ones take turns. */
export interface Choices<E extends Choosable> {
  readonly endpoints: readonly E[];
  turn: number;
}

/** How to choose. */
export interface ChoiceOptions<E> {
  readonly nowMs: number;
  /** A number from 0 up to 1, only asked for among many endpoints. */
  random(): number;
  /** Whether the request may be the one that finds out if an ejected endpoint is back. */
  readonly mayProbe: boolean;
  /** An endpoint that has just failed this request. */
  readonly except?: E | undefined;
}

/** Up to this many endpoints all are looked at, above it the better of two random ones is taken. */
const scannedMax = 8;

/**
 * The healthy endpoint with the fewest requests in flight, or undefined when there is none. An endpoint whose ejection
 * is over is taken first, by one request at a time: that request is the probe.
 */
export function chooseEndpoint<E extends Choosable>(choices: Choices<E>, options: ChoiceOptions<E>): E | undefined {
  const { endpoints } = choices;
  const count = endpoints.length;
  if (count > scannedMax) {
    const one = endpoints[Math.floor(options.random() * count)] as E;
    const other = endpoints[Math.floor(options.random() * count)] as E;
    if (isOpen(one, options) && isOpen(other, options)) return one.inFlight <= other.inFlight ? one : other;
  }
  let best: E | undefined;
  choices.turn = (choices.turn + 1) % (count || 1);
  for (let step = 0; step < count; step++) {
    const endpoint = endpoints[(choices.turn + step) % count] as E;
    if (isOpen(endpoint, options)) {
      if (best === undefined || endpoint.inFlight < best.inFlight) best = endpoint;
    } else if (options.mayProbe && endpoint !== options.except && isProbeDue(endpoint.health, options.nowMs)) {
      endpoint.health.state = "probing";
      return endpoint;
    }
  }
  return best;
}

/**
 * When all are ejected: the one whose ejection ends first, for requests that have nowhere else to go. The request is its
 * probe, so that a cluster which is back is found back at once.
 */
export function chooseLeastBad<E extends Choosable>(choices: Choices<E>): E | undefined {
  let best: E | undefined;
  for (const endpoint of choices.endpoints) {
    if (best === undefined || endpoint.health.ejectedUntilMs < best.health.ejectedUntilMs) best = endpoint;
  }
  if (best?.health.state === "ejected") best.health.state = "probing";
  return best;
}

/** Whether the floor of the cluster leaves room for one more ejection. */
export function mayEjectOneMore(choices: Choices<Choosable>, ejectedShareMax: number): boolean {
  let ejected = 1;
  for (const endpoint of choices.endpoints) if (endpoint.health.state !== "healthy") ejected++;
  return ejected <= choices.endpoints.length * ejectedShareMax;
}

function isOpen<E extends Choosable>(endpoint: E, options: ChoiceOptions<E>): boolean {
  return endpoint.health.state === "healthy" && endpoint !== options.except;
}
