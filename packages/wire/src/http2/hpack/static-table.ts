import { headerFieldFrom, type HeaderField } from "./field.ts";

// RFC 7541 Appendix A, in order: name, or name and value.
const listed: readonly (readonly [string, string?])[] = [
  [":authority"],
  [":method", "GET"],
  [":method", "POST"],
  [":path", "/"],
  [":path", "/index.html"],
  [":scheme", "http"],
  [":scheme", "https"],
  [":status", "200"],
  [":status", "204"],
  [":status", "206"],
  [":status", "304"],
  [":status", "400"],
  [":status", "404"],
  [":status", "500"],
  ["accept-charset"],
  ["accept-encoding", "gzip, deflate"],
  ["accept-language"],
  ["accept-ranges"],
  ["accept"],
  ["access-control-allow-origin"],
  ["age"],
  ["allow"],
  ["authorization"],
  ["cache-control"],
  ["content-disposition"],
  ["content-encoding"],
  ["content-language"],
  ["content-length"],
  ["content-location"],
  ["content-range"],
  ["content-type"],
  ["cookie"],
  ["date"],
  ["etag"],
  ["expect"],
  ["expires"],
  ["from"],
  ["host"],
  ["if-match"],
  ["if-modified-since"],
  ["if-none-match"],
  ["if-range"],
  ["if-unmodified-since"],
  ["last-modified"],
  ["link"],
  ["location"],
  ["max-forwards"],
  ["proxy-authenticate"],
  ["proxy-authorization"],
  ["range"],
  ["referer"],
  ["refresh"],
  ["retry-after"],
  ["server"],
  ["set-cookie"],
  ["strict-transport-security"],
  ["transfer-encoding"],
  ["user-agent"],
  ["vary"],
  ["via"],
  ["www-authenticate"],
];

/** Entries of the static table; index 1 is the first, as in the RFC. */
export const staticTable: readonly (HeaderField | undefined)[] = [
  undefined,
  ...listed.map(([name, value]) => headerFieldFrom(name, value ?? "")),
];

/** How many entries the static table has. */
export const staticCount = 61;

/** Where a name stands first in the static table. */
export const staticNames: ReadonlyMap<string, number> = new Map(listed.map(([name], index) => [name, index + 1] as const).toReversed());

/** Where a name stands with a value, by name and then value. */
export const staticValues: ReadonlyMap<string, ReadonlyMap<string, number>> = valuesMade();

function valuesMade(): Map<string, Map<string, number>> {
  const made = new Map<string, Map<string, number>>();
  for (const [index, [name, value]] of listed.entries()) {
    if (value === undefined) continue;
    const values = made.get(name) ?? new Map<string, number>();
    values.set(value, index + 1);
    made.set(name, values);
  }
  return made;
}
