import { isIp } from "./validation-address.ts";

/** How many characters a text has: code points, so that one beyond the basic plane counts once. */
export function charactersIn(text: string): number {
  let count = text.length;
  for (let index = 1; index < text.length; index++) {
    if ((text.charCodeAt(index) & 0xfc00) !== 0xdc00 || (text.charCodeAt(index - 1) & 0xfc00) !== 0xd800) continue;
    count--;
    index++;
  }
  return count;
}

/** How many bytes a text has in UTF-8; a lone surrogate counts as three, as its replacement does. */
export function utf8BytesIn(text: string): number {
  let count = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code < 0x80) continue;
    count += code < 0x800 ? 1 : 2;
    // Four bytes for a pair, whose two units count as two already.
    if ((code & 0xfc00) === 0xd800 && (text.charCodeAt(index + 1) & 0xfc00) === 0xdc00) index++;
  }
  return count;
}

const label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const email = new RegExp(`^[a-zA-Z0-9.!#$%&'*+/=?^_\`{|}~-]+@${label}(?:\\.${label})*$`);
const hostname = new RegExp(`^(?:${label}\\.)*(?![0-9]+\\.?$)${label}\\.?$`);
const port = /^(?:0|[1-9][0-9]{0,4})$/;
const uuid = /^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$/;
const trimmedUuid = /^[0-9a-fA-F]{32}$/;
const ulid = /^[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}$/;
const protobufName = /^[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*$/;
const headerName = /^:?[0-9a-zA-Z!#$%&'*+\-.^_|~`]+$/;

/** An address as the HTML standard wants it in forms (§4.10.5.1.5): a name, "@" and a host name. */
export function isEmail(text: string): boolean {
  return email.test(text);
}

/** A host name: labels of 1 to 63 letters, digits and inner hyphens, 253 characters at most, the last label not of digits alone. */
export function isHostname(text: string): boolean {
  return text.length <= 253 && hostname.test(text);
}

/** A host name or an IP address. */
export function isAddress(text: string): boolean {
  return isHostname(text) || isIp(text);
}

/** A host name, an IPv4 address or an IPv6 address in brackets, a colon, and a port. */
export function isHostAndPort(text: string): boolean {
  const at = text.lastIndexOf(":");
  const host = text.slice(0, Math.max(at, 0));
  if (at < 0 || !port.test(text.slice(at + 1)) || Number(text.slice(at + 1)) > 65_535) return false;
  if (host.startsWith("[") && host.endsWith("]")) return isIp(host.slice(1, -1), 6);
  return isHostname(host) || isIp(host, 4);
}

/** A UUID in its text form (RFC 9562 §4). */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** A UUID without its hyphens. */
export function isTuuid(text: string): boolean {
  return trimmedUuid.test(text);
}

/** A ULID: 26 characters of Crockford's base 32. */
export function isUlid(text: string): boolean {
  return ulid.test(text);
}

/** A full name of protobuf: "weir.feed.v1.Page". */
export function isProtobufFqn(text: string): boolean {
  return protobufName.test(text);
}

/** A full name of protobuf with a leading dot. */
export function isProtobufDotFqn(text: string): boolean {
  return text.startsWith(".") && protobufName.test(text.slice(1));
}

/** A name of an HTTP header or pseudo-header (RFC 9110 §5.1); loosely: no NUL, CR or LF. */
export function isHeaderName(text: string, strict: boolean): boolean {
  return strict ? headerName.test(text) : text !== "" && isHeaderValue(text, false);
}

/** A value of an HTTP header (RFC 9110 §5.5): no control character but the tab; loosely: no NUL, CR or LF. */
export function isHeaderValue(text: string, strict: boolean): boolean {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (strict ? (code < 0x20 && code !== 9) || code === 0x7f : code === 0 || code === 10 || code === 13) return false;
  }
  return true;
}
