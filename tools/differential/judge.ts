import type { ForwardedLine } from "./forwarder.ts";
import type { RecordedRequest } from "./recorder.ts";
import { answerText, answersIn } from "./recorder.ts";
import type { RequestCase, SeenRequest } from "./request-case.ts";
import { marker, visible } from "./request-case.ts";

/** Everything that is known of one case that went through a forwarder to a backend. */
export interface Passage {
  readonly one: RequestCase;
  readonly believed: readonly SeenRequest[];
  readonly lines: readonly ForwardedLine[];
  /** What the backend counted; the probe is not among it. */
  readonly seen: readonly RecordedRequest[];
  /** What the client got. */
  readonly answer: string;
  /** What was asked on a new connection straight afterwards, and what came back for it. */
  readonly probe: { readonly target: string; readonly answer: string };
}

/** Something that must not be. */
export interface Finding {
  readonly id: string;
  readonly message: string;
}

/**
 * What is wrong with a passage; nothing when client, forwarder and backend agree. A request that a backend refuses is no
 * disagreement: it counts as none there, and the client is told. But whatever a backend counts must be a request that the
 * forwarder believed to carry, once, with this method, target and body; its answer must be the one that the client gets; and the
 * next request on the same connections must get its own answer.
 */
export function judge(passage: Passage): Finding[] {
  const { one, probe } = passage;
  const messages = [...expectation(passage), ...beliefs(passage), ...stamps(passage), ...answers(passage)];
  const wanted = `GET ${probe.target} 0`;
  const got = answersIn(probe.answer);
  if (got.length !== 1 || got[0] !== wanted)
    messages.push(`the next request got ${got.length === 0 ? visible(probe.answer) || "nothing" : got.join(", ")}`);
  return messages.map((message) => ({ id: one.id, message }));
}

function expectation({ one, believed }: Passage): string[] {
  if (one.expect === "any") return [];
  const expected = one.expect === "refused" ? [] : one.expect;
  return textOf(believed) === textOf(expected)
    ? []
    : [`the client sent ${textOf(expected)}, the forwarder took it for ${textOf(believed)}`];
}

/** Which believed request each seen one is; -1 for none. */
function placesOf({ believed, seen }: Passage): number[] {
  const taken = new Set<number>();
  return seen.map((one) => {
    const place = believed.findIndex((other, index) => !taken.has(index) && textOf([other]) === textOf([one]));
    taken.add(place);
    return place;
  });
}

function beliefs(passage: Passage): string[] {
  const { believed, seen } = passage;
  const messages: string[] = [];
  let last = -1;
  for (const [index, place] of placesOf(passage).entries()) {
    const one = seen[index] as RecordedRequest;
    if (place < 0) {
      const isSmuggled = one.target.includes(marker) && !believed.some((other) => other.target === one.target);
      const what = isSmuggled ? "a smuggled request" : "a request that the forwarder does not know";
      messages.push(`the backend saw ${what}: ${textOf([one])}; the forwarder believed ${textOf(believed)}`);
    }
    // Only safe requests may be worked on beside each other (RFC 9112 §9.3.2).
    const isLate = place >= 0 && place < last && !(isSafe(one) && isSafe(believed[last]));
    if (isLate) messages.push(`the backend saw ${textOf([one])} after one that the client sent later`);
    last = Math.max(last, place);
  }
  return messages;
}

function isSafe(one: SeenRequest | undefined): boolean {
  return one !== undefined && ["GET", "HEAD", "OPTIONS", "TRACE"].includes(one.method);
}

function stamps({ lines, seen }: Passage): string[] {
  const messages: string[] = [];
  const left = new Map(lines.map((line) => [line.requestId, line.attempts]));
  for (const one of seen) {
    const times = left.get(one.requestId) ?? 0;
    if (times === 0) messages.push(`the backend saw ${textOf([one])} with the id "${one.requestId}" that no carried request has left`);
    left.set(one.requestId, times - 1);
  }
  // Two as one: told by the client's side that it was answered by the backend, and yet not counted there.
  const fine = lines.filter((line) => line.status === 200 && left.get(line.requestId) === line.attempts);
  for (const line of fine) messages.push(`the request ${line.requestId} was answered 200, and the backend never counted it`);
  return messages;
}

function answers(passage: Passage): string[] {
  const places = new Set(placesOf(passage));
  const wanted = passage.believed
    .filter((one, index) => places.has(index) && one.method !== "HEAD")
    .flatMap((one) => answersIn(answerText(one)));
  const got = answersIn(passage.answer);
  // A client whose bytes turn bad may be cut off before an answer; it may never get more, or other ones.
  const isPrefix = got.length <= wanted.length && got.every((one, index) => one === wanted[index]);
  return isPrefix ? [] : [`the client got the answers of ${got.join(", ")}; those of ${wanted.join(", ") || "none"} are its own`];
}

function textOf(list: readonly SeenRequest[]): string {
  return `[${list.map(({ method, target, body }) => `${method} ${visible(target)} "${visible(body)}" ${body.length}`).join(", ")}]`;
}
