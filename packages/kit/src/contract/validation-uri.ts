import { isIp } from "./validation-address.ts";

const escaped = "%[0-9a-fA-F]{2}";
const free = "[a-zA-Z0-9\\-._~!$&'()*+,;=";
const scheme = /^[a-zA-Z][a-zA-Z0-9+\-.]*$/;
const userInfo = new RegExp(`^(?:${free}:]|${escaped})*$`);
const host = new RegExp(`^(?:${free}]|${escaped})*$`);
const path = new RegExp(`^(?:${free}:@/]|${escaped})*$`);
const query = new RegExp(`^(?:${free}:@/?]|${escaped})*$`);
const port = /^[0-9]*$/;
const futureAddress = /^v[0-9a-fA-F]+\.[a-zA-Z0-9\-._~!$&'()*+,;=:]+$/;
const zone = new RegExp(`^(?:[a-zA-Z0-9\\-._~]|${escaped})+$`);

/** A URI (RFC 3986 §3), with zones in IPv6 addresses (RFC 6874). */
export function isUri(text: string): boolean {
  const colon = text.indexOf(":");
  return colon > 0 && scheme.test(text.slice(0, colon)) && isRelative(text.slice(colon + 1), true);
}

/** A URI or a relative reference (RFC 3986 §4.1). */
export function isUriRef(text: string): boolean {
  return isUri(text) || isRelative(text, false);
}

/** What stands behind the scheme, or alone. */
function isRelative(text: string, hasScheme: boolean): boolean {
  const hash = text.indexOf("#");
  if (hash >= 0 && !query.test(text.slice(hash + 1))) return false;
  const before = hash < 0 ? text : text.slice(0, hash);
  const mark = before.indexOf("?");
  if (mark >= 0 && !query.test(before.slice(mark + 1))) return false;
  const whole = mark < 0 ? before : before.slice(0, mark);
  if (whole.startsWith("//")) {
    const slash = whole.indexOf("/", 2);
    const authority = slash < 0 ? whole.slice(2) : whole.slice(2, slash);
    return isAuthority(authority) && (slash < 0 || path.test(whole.slice(slash)));
  }
  // Without a scheme the first segment cannot have a colon: it would be one.
  return path.test(whole) && (hasScheme || !whole.split("/", 1)[0]?.includes(":"));
}

function isAuthority(text: string): boolean {
  const at = text.indexOf("@");
  if (at >= 0 && !userInfo.test(text.slice(0, at))) return false;
  const rest = text.slice(at + 1);
  if (rest.startsWith("[")) {
    const end = rest.indexOf("]");
    const behind = rest.slice(end + 1);
    return end > 0 && isLiteral(rest.slice(1, end)) && (behind === "" || (behind.startsWith(":") && port.test(behind.slice(1))));
  }
  const colon = rest.indexOf(":");
  const name = colon < 0 ? rest : rest.slice(0, colon);
  return host.test(name) && (colon < 0 || port.test(rest.slice(colon + 1))) && isText(name);
}

function isLiteral(text: string): boolean {
  const percent = text.indexOf("%");
  if (percent < 0) return isIp(text, 6) || futureAddress.test(text);
  return isIp(text.slice(0, percent), 6) && text.startsWith("%25", percent) && zone.test(text.slice(percent + 3));
}

/** Whether what is escaped is UTF-8. */
function isText(name: string): boolean {
  if (!name.includes("%")) return true;
  try {
    decodeURIComponent(name);
    return true;
  } catch {
    return false;
  }
}
