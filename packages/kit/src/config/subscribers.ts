import type { Logger } from "../call.ts";
import type { Clock } from "../clock.ts";
import { faultFrom, isFault } from "../fault.ts";
import type { Problem } from "./config.weir.ts";

/** Values by the full names of keys. */
export type Values = Readonly<Record<string, unknown>>;

/** Somebody who goes by values and can refuse new ones. */
export interface Subscriber {
  readonly keys: readonly string[];
  readonly name: string;
  readonly listener: (now: Values, before: Values) => void | Promise<void>;
}

/** A change that subscribers are asked to take. */
export interface Change {
  readonly now: Values;
  readonly before: Values;
  /** Keys whose values differ. */
  readonly keys: readonly string[];
  /** Texts that must not stand in what is said of it. */
  readonly secrets: readonly string[];
}

/** What asking them needs. */
export interface AskOptions {
  /** For each of them. */
  readonly msMax: number;
  readonly clock: Clock;
  readonly log: Logger;
}

const messageCharactersMax = 300;

/**
 * Asks those whom the change concerns, one after the other. When one refuses, those who had taken it are told to go back, in
 * reverse order, and the problems are answered; none when all have taken it. Never rejects.
 */
export async function askSubscribers(subscribers: readonly Subscriber[], change: Change, options: AskOptions): Promise<Problem[]> {
  const done: Subscriber[] = [];
  for (const subscriber of subscribers) {
    const keys = subscriber.keys.filter((key) => change.keys.includes(key));
    if (keys.length === 0) continue;
    const refusal = await told(subscriber, change, options);
    if (refusal === undefined) {
      done.push(subscriber);
      continue;
    }
    // Whoever did not answer in time may have taken it in part.
    if (refusal.late) done.push(subscriber);
    await goBack(done, change, options);
    const found = scrubbed(refusal.message, change.secrets).slice(0, messageCharactersMax);
    return keys.map((key) => ({ key, expected: `a value that ${subscriber.name} takes`, found }));
  }
  return [];
}

async function goBack(done: readonly Subscriber[], { now, before, secrets }: Change, options: AskOptions): Promise<void> {
  for (const subscriber of done.toReversed()) {
    const refusal = await told(subscriber, { now: before, before: now }, options);
    if (!refusal) continue;
    const found = scrubbed(refusal.message, secrets).slice(0, messageCharactersMax);
    options.log.error("a subscriber could not go back to the configuration before", { subscriber: subscriber.name, found });
  }
}

interface Refusal {
  readonly message: string;
  readonly late: boolean;
}

function told(subscriber: Subscriber, { now, before }: Pick<Change, "now" | "before">, options: AskOptions): Promise<Refusal | undefined> {
  const { clock, msMax } = options;
  return new Promise((resolve) => {
    const stopTimer = clock.after(msMax, () => resolve({ message: `no answer within ${msMax} ms`, late: true }));
    const answered = async (): Promise<void> => subscriber.listener(now, before);
    answered().then(
      () => {
        stopTimer();
        resolve(undefined);
      },
      (thrown: unknown) => {
        stopTimer();
        const message = thrown instanceof Error || isFault(thrown) ? thrown.message : faultFrom(thrown).message;
        resolve({ message, late: false });
      },
    );
  });
}

/** A message without the secrets in it. Very short ones cannot be told from other text, so they take the whole message with them. */
function scrubbed(message: string, secrets: readonly string[]): string {
  let shown = message;
  for (const text of secrets.toSorted((left, right) => right.length - left.length)) {
    if (text === "" || !shown.includes(text)) continue;
    if (text.length < 4) return "a refusal whose words hold a secret";
    shown = shown.replaceAll(text, "(secret)");
  }
  return shown;
}
