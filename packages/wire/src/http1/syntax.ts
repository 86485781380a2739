/** Field names: which are tokens, how they look in lower case, and which belong to the framing. RFC 9110 §5.1, RFC 9112 §5. */

/** What a field name means to the codec. Everything but `plain` and `expect` is taken out of header lists. */
export const fieldKinds = {
  plain: 0,
  host: 1,
  contentLength: 2,
  transferEncoding: 3,
  connection: 4,
  upgrade: 5,
  dropped: 6,
  expect: 7,
  date: 8,
} as const;
type FieldKind = (typeof fieldKinds)[keyof typeof fieldKinds];

/** A field name in lower case with its kind. */
export interface FieldName {
  readonly name: string;
  readonly kind: FieldKind;
  /** "\r\nname: ", ready to be written behind the line before. */
  readonly prefix: string;
  /** Whether RFC 9110 §6.5.1 forbids it in trailers. */
  readonly trailerForbidden: boolean;
}

const special: ReadonlyMap<string, FieldKind> = new Map<string, FieldKind>([
  ["host", fieldKinds.host],
  ["content-length", fieldKinds.contentLength],
  ["transfer-encoding", fieldKinds.transferEncoding],
  ["connection", fieldKinds.connection],
  ["upgrade", fieldKinds.upgrade],
  ["keep-alive", fieldKinds.dropped],
  ["proxy-connection", fieldKinds.dropped],
  ["te", fieldKinds.dropped],
  ["expect", fieldKinds.expect],
  ["date", fieldKinds.date],
]);

const trailerForbidden: ReadonlySet<string> = new Set([
  ...special.keys(),
  "authorization",
  "proxy-authorization",
  "proxy-authenticate",
  "www-authenticate",
  "cookie",
  "set-cookie",
  "content-encoding",
  "content-type",
  "content-range",
  "trailer",
  "max-forwards",
  "cache-control",
  "range",
  "age",
  "expires",
  "location",
  "retry-after",
  "vary",
  "warning",
]);

const common =
  "accept accept-encoding accept-language accept-ranges access-control-allow-origin age allow authorization cache-control connection " +
  "content-disposition content-encoding content-language content-length content-type cookie date etag expect expires forwarded from " +
  "host if-match if-modified-since if-none-match if-range if-unmodified-since keep-alive last-modified link location origin pragma " +
  "proxy-connection range referer retry-after sec-fetch-dest sec-fetch-mode sec-fetch-site sec-fetch-user sec-websocket-accept " +
  "sec-websocket-extensions sec-websocket-key sec-websocket-protocol sec-websocket-version server set-cookie strict-transport-security " +
  "te trailer transfer-encoding upgrade user-agent vary via x-forwarded-for x-forwarded-host x-forwarded-proto x-real-ip x-request-id " +
  "traceparent tracestate baggage connect-protocol-version connect-timeout-ms x-weir-bucket x-weir-version grpc-timeout grpc-status";

const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
const notFieldValue = /[^\t\x20-\x7e\x80-\xff]/;
const learnedMax = 1024;
const nameLengthLearnedMax = 64;

/** One way to write a field name, in some case. */
export interface FieldSpelling {
  readonly field: FieldName;
  /** The bytes of the name as spelled, and its colon; none when it is too long to be remembered. */
  readonly start: Uint8Array;
}

let known = seeded();
let learned = 0;

function fieldNameMade(name: string): FieldName {
  return { name, kind: special.get(name) ?? fieldKinds.plain, prefix: `\r\n${name}: `, trailerForbidden: trailerForbidden.has(name) };
}

function startOf(raw: string): Uint8Array {
  return raw === "" ? new Uint8Array(0) : new Uint8Array(Buffer.from(`${raw}:`, "latin1"));
}

function seeded(): Map<string, FieldSpelling> {
  const seeds = new Map<string, FieldSpelling>();
  for (const name of common.split(" ")) {
    const field = fieldNameMade(name);
    const titled = name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
    seeds.set(name, { field, start: startOf(name) });
    seeds.set(titled, { field, start: startOf(titled) });
  }
  return seeds;
}

/**
 * The field name that `raw` spells; undefined when it is not a token. A pure function of `raw`; up to 1024 spellings
 * beyond the common ones are remembered, then the memory starts afresh.
 */
export function fieldSpellingFrom(raw: string): FieldSpelling | undefined {
  return known.get(raw) ?? learn(raw);
}

/** The field name that `raw` spells, in whatever case; undefined when it is not a token. */
export function fieldNameFrom(raw: string): FieldName | undefined {
  return (known.get(raw) ?? learn(raw))?.field;
}

function learn(raw: string): FieldSpelling | undefined {
  if (!tokenPattern.test(raw)) return undefined;
  const lower = raw.toLowerCase();
  const field = known.get(lower)?.field ?? fieldNameMade(unshared(lower));
  if (raw.length > nameLengthLearnedMax) return { field, start: startOf("") };
  if (learned >= learnedMax) {
    known = seeded();
    learned = 0;
  }
  learned += 1;
  const key = unshared(raw);
  const spelling = { field, start: startOf(key) };
  known.set(key, spelling);
  return spelling;
}

/** A copy that does not keep alive the longer string it was cut from. */
function unshared(text: string): string {
  return Buffer.from(text, "latin1").toString("latin1");
}

/** Whether `text` is a token of RFC 9110 §5.6.2. */
export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

/** Whether a field value may go on the wire: tab, visible ASCII, space and 0x80 to 0xff. No CR, LF or NUL. */
export function isFieldValue(text: string): boolean {
  return !notFieldValue.test(text);
}

/** A value without the spaces and tabs around it. Not by a pattern: one tries a long run of them from each of its places. */
export function trimmed(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && isBlank(value.charCodeAt(from))) from += 1;
  while (to > from && isBlank(value.charCodeAt(to - 1))) to -= 1;
  return to - from === value.length ? value : value.slice(from, to);
}

/** Whether a byte or a character is a space or a tab. */
export function isBlank(code: number | undefined): boolean {
  return code === 32 || code === 9;
}

/** The items of a comma-separated list, in lower case. */
export function listItems(list: string): string[] {
  return list.toLowerCase().split(",").map(trimmed);
}

/** Whether a comma-separated list names `token`, which is in lower case. */
export function listHas(list: string, token: string): boolean {
  return list === token || listItems(list).includes(token);
}
