const decimal = "(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])";
const ipv4 = new RegExp(`^${decimal}(?:\\.${decimal}){3}$`);
const group = /^[0-9a-fA-F]{1,4}$/;
const prefixLength = /^(?:0|[1-9][0-9]{0,2})$/;

/** An IP address: IPv4 in dotted decimals, or IPv6 (RFC 4291 §2.2), which may have a zone (RFC 4007 §11). */
export function isIp(text: string, version?: 4 | 6): boolean {
  if (version !== 6 && ipv4.test(text)) return true;
  if (version === 4 || !text.includes(":")) return false;
  const zone = text.indexOf("%");
  if (zone === text.length - 1) return false;
  return wordsOfIpv6(zone < 0 ? text : text.slice(0, zone)) !== undefined;
}

/** An IP address without zone, a slash, and how many bits are the network; when strict, all others are zero. */
export function isIpPrefix(text: string, { version, strict = false }: { version?: 4 | 6; strict?: boolean } = {}): boolean {
  const slash = text.indexOf("/");
  const address = text.slice(0, Math.max(slash, 0));
  const size = text.slice(slash + 1);
  if (slash < 0 || !prefixLength.test(size)) return false;
  const bits = Number(size);
  const words = ipv4.test(address) ? wordsOfIpv4(address) : wordsOfIpv6(address);
  if (words === undefined || bits > 16 * words.length || (version !== undefined && (version === 4) !== (words.length === 2))) return false;
  return !strict || words.every((word, index) => (word & (0xffff >> Math.min(16, Math.max(0, bits - 16 * index)))) === 0);
}

function wordsOfIpv4(text: string): number[] {
  const [a = 0, b = 0, c = 0, d = 0] = text.split(".").map(Number);
  return [(a << 8) | b, (c << 8) | d];
}

/** The eight words of an IPv6 address without zone; undefined for anything else. */
function wordsOfIpv6(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2 || text.includes(":::") || text.length > 45) return undefined;
  const [front, back] = [wordsBetween(halves[0] ?? "", halves.length === 1), wordsBetween(halves[1] ?? "", true)];
  if (front === undefined || back === undefined) return undefined;
  if (halves.length === 1) return front.length === 8 ? front : undefined;
  const missing = 8 - front.length - back.length;
  return missing < 1 ? undefined : [...front, ...Array<number>(missing).fill(0), ...back];
}

/** Words between colons; the last two may be written as an IPv4 address at the end. */
function wordsBetween(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const parts = text.split(":");
  const words: number[] = [];
  for (const [index, part] of parts.entries()) {
    if (group.test(part)) words.push(Number.parseInt(part, 16));
    else if (isEnd && index === parts.length - 1 && ipv4.test(part)) words.push(...wordsOfIpv4(part));
    else return undefined;
  }
  return words;
}
