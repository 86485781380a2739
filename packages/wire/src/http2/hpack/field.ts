import { fieldKinds, fieldNameFrom, isFieldValue } from "../../http1/syntax.ts";

/** What a field means to HTTP/2. `invalid` is a field that no message may hold; `unknownPseudo` a name that begins with a colon. */
export const h2Kinds = {
  plain: 0,
  method: 1,
  scheme: 2,
  path: 3,
  authority: 4,
  status: 5,
  protocol: 6,
  unknownPseudo: 7,
  connection: 8,
  te: 9,
  host: 10,
  contentLength: 11,
  cookie: 12,
  expect: 13,
  invalid: 14,
} as const;

/** One of `h2Kinds`. */
export type H2Kind = (typeof h2Kinds)[keyof typeof h2Kinds];

/** One field of a header block: made once when its bytes are read, and shared by everything that refers to it. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
  readonly kind: H2Kind;
  /** Its size in a header list and in a dynamic table: name, value, and 32 (RFC 7541 §4.1). */
  readonly size: number;
  /** Whether RFC 9110 §6.5.1 forbids it in trailers. */
  readonly trailerForbidden: boolean;
}

const pseudoKinds: ReadonlyMap<string, H2Kind> = new Map<string, H2Kind>([
  [":method", h2Kinds.method],
  [":scheme", h2Kinds.scheme],
  [":path", h2Kinds.path],
  [":authority", h2Kinds.authority],
  [":status", h2Kinds.status],
  [":protocol", h2Kinds.protocol],
]);

const specialKinds: Readonly<Record<number, H2Kind>> = {
  [fieldKinds.host]: h2Kinds.host,
  [fieldKinds.contentLength]: h2Kinds.contentLength,
  [fieldKinds.transferEncoding]: h2Kinds.connection,
  [fieldKinds.connection]: h2Kinds.connection,
  [fieldKinds.upgrade]: h2Kinds.connection,
  [fieldKinds.dropped]: h2Kinds.connection,
  [fieldKinds.expect]: h2Kinds.expect,
};

/** A field with what it means. Names that are not lower case and values that no message may hold make it `invalid`. RFC 9113 §8.2.1. */
export function headerFieldFrom(name: string, value: string): HeaderField {
  const size = name.length + value.length + 32;
  const pseudo = pseudoKinds.get(name);
  if (pseudo !== undefined) {
    return { name, value, kind: isPlainValue(value) ? pseudo : h2Kinds.invalid, size, trailerForbidden: true };
  }
  if (name.charCodeAt(0) === 58) return { name, value, kind: h2Kinds.unknownPseudo, size, trailerForbidden: true };
  const known = fieldNameFrom(name);
  if (known === undefined || known.name !== name || !isPlainValue(value)) {
    return { name, value, kind: h2Kinds.invalid, size, trailerForbidden: true };
  }
  return { name: known.name, value, kind: kindOf(name, known.kind), size, trailerForbidden: known.trailerForbidden };
}

function kindOf(name: string, kind: number): H2Kind {
  if (name === "te") return h2Kinds.te;
  if (name === "cookie") return h2Kinds.cookie;
  return specialKinds[kind] ?? h2Kinds.plain;
}

/** No control characters, and no white space at either end. */
function isPlainValue(value: string): boolean {
  if (value === "") return true;
  const first = value.charCodeAt(0);
  const last = value.charCodeAt(value.length - 1);
  return first !== 32 && first !== 9 && last !== 32 && last !== 9 && isFieldValue(value);
}
