/** A request as one side saw it. The body has one character a byte. */
export interface SeenRequest {
  readonly method: string;
  readonly target: string;
  readonly body: string;
}

/**
 * What one client sends on one connection. `expect` is what it means: the requests in it, in order; "refused": not one may be
 * carried; "first refused" is not needed, because what stands before a refusal is carried. "any" where the rules leave a choice:
 * then only that all sides see the same is judged.
 */
export interface RequestCase {
  /** Unique, and the same in every run. */
  readonly id: string;
  readonly family: string;
  /** One character a byte. */
  readonly bytes: string;
  readonly expect: readonly SeenRequest[] | "refused" | "any";
}

/** Stands in every target that nobody asked for: a server that tells of it has taken a part of a message for a request. */
export const marker = "smuggled";

/** A request that hides in the body, the trailer or a header of another. */
export const hidden: string = `GET /${marker} HTTP/1.1\r\nHost: victim\r\n\r\n`;

/** What a case is made of, before it has its name. */
export interface CasePart {
  readonly name: string;
  readonly bytes: string;
  readonly expect?: RequestCase["expect"];
}

/** The cases of a family, named after it; "refused" unless said otherwise. */
export function familyOf(family: string, parts: readonly CasePart[]): RequestCase[] {
  return parts.map(({ name, bytes, expect = "refused" }) => ({ id: `${family}: ${name}`, family, bytes, expect }));
}

/** A request that everybody understands alike. */
export function seen(method: string, target: string, body: string = ""): SeenRequest {
  return { method, target, body };
}

/** A value so that it can be read in a report. */
export function visible(text: string): string {
  const short = text.length > 60 ? `${text.slice(0, 50)}…${text.length}` : text;
  return JSON.stringify(short).slice(1, -1);
}
