import { WireError, wireReasons } from "../reasons.ts";

// The path in RFC 3986's pchar plus what browsers send raw ("|", "[", "]"); without "%" and ".", so without tricks.
const plain = /^\/(?!\/)[A-Za-z0-9\-_~!$&'()*+,;=:@/|[\]]*(?:\?[\x21\x22\x24-\x7e]*)?$/;
const pathCharacters = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/|[\]%]*$/;
const queryCharacters = /^[\x21\x22\x24-\x7e]*$/;
const badEscape = /%(?![0-9A-Fa-f]{2})/;
const controlEscape = /%(?:[01][0-9A-Fa-f]|7[Ff])/;
const encodedSeparator = /%(?:2[Ff]|5[Cc])/;
const encodedSeparators = /%(?:2[Ff]|5[Cc])/g;
const encodedDot = /%2[Ee]/g;
const dotSegment = /(?:^|\/)\.\.?(?=\/|;|$)/;
const hostPattern = /^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$/;

/** Whether a Host is a name or address, with an optional port. User information, percent signs and spaces are not. */
export function isHost(host: string): boolean {
  if (!hostPattern.test(host)) return false;
  const colon = host.lastIndexOf(":");
  return colon === -1 || host.endsWith("]") || Number(host.slice(colon + 1)) <= 65_535;
}

/**
 * Checks an origin-form target and hands it back untouched. What passes reads the same to everyone:
 * - the path begins with one "/", has only characters of RFC 3986 (and `|`, `[`, `]`, which browsers send raw),
 *   well-formed percent-encoding, no encoded control characters;
 * - no dot segments in any spelling ("/../", "/%2e%2e/", "/x%2f..%2fy", "/..;/"): clients resolve them before sending;
 * - no encoded slash or backslash, unless `encodedSlash` allows the former: readers disagree on whether it separates;
 * - the query has visible ASCII only, without "#". It is never interpreted.
 * Throws TARGET_INVALID for bad characters and TARGET_AMBIGUOUS for the rest.
 */
export function checkTarget(target: string, encodedSlash: boolean): void {
  if (plain.test(target)) return;
  if (target.charCodeAt(0) !== 47) throw invalid("a target that begins with /", target);
  if (target.charCodeAt(1) === 47) throw ambiguous("one slash at the start of the target", target);
  const question = target.indexOf("?");
  const path = question === -1 ? target : target.slice(0, question);
  if (target.includes("#")) throw invalid("no fragment in the target", target);
  if (question !== -1 && !queryCharacters.test(target.slice(question + 1))) throw invalid("visible ASCII in the query", target);
  if (path.includes("\\")) throw ambiguous("no backslash in the path", target);
  if (!pathCharacters.test(path)) throw invalid("characters of RFC 3986 in the path", target);
  if (badEscape.test(path)) throw invalid("two hexadecimal digits after each % of the path", target);
  if (controlEscape.test(path)) throw invalid("no encoded control characters in the path", target);
  if (encodedSeparator.test(path) && (!encodedSlash || /%5c/i.test(path))) throw ambiguous("no encoded slash in the path", target);
  const decoded = path.replace(encodedDot, ".").replace(encodedSeparators, "/");
  if (dotSegment.test(decoded)) throw ambiguous("no dot segments in the path", target);
}

function invalid(expected: string, target: string): WireError {
  return new WireError(wireReasons.TARGET_INVALID, `expected ${expected}, found ${shown(target)}`);
}

function ambiguous(expected: string, target: string): WireError {
  return new WireError(wireReasons.TARGET_AMBIGUOUS, `expected ${expected}, found ${shown(target)}`);
}

function shown(target: string): string {
  return JSON.stringify(target.length > 80 ? `${target.slice(0, 80)}…` : target);
}

/**
 * Origin form and authority of an absolute-form target ("http://host/path", RFC 9112 §3.2.2), which must name the same
 * host as Host. Undefined when `target` is not of that form.
 */
export function originFormFrom(target: string, host: string | undefined): string | undefined {
  const scheme = /^https?:\/\//i.exec(target)?.[0];
  if (scheme === undefined) return undefined;
  const pathAt = target.slice(scheme.length).search(/[/?#]/);
  const authority = pathAt === -1 ? target.slice(scheme.length) : target.slice(scheme.length, scheme.length + pathAt);
  const rest = pathAt === -1 ? "" : target.slice(scheme.length + pathAt);
  if (host === undefined || authority.toLowerCase() !== host.toLowerCase()) {
    throw ambiguous(`the host of the target to be the one of Host (${JSON.stringify(host ?? "")})`, target);
  }
  return rest.startsWith("/") ? rest : `/${rest}`;
}
