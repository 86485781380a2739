/** Where a byte of Windows-1252 was read as Macintosh: what it was read as, and what it is. */
const misread: ReadonlyMap<string, string> = new Map(
  Array.from({ length: 128 }, (_, index) => {
    const byte = Uint8Array.of(128 + index);
    return [new TextDecoder("macintosh").decode(byte), new TextDecoder("windows-1252").decode(byte)];
  }),
);

/**
 * The title of a film as people write it. In the catalogue it may be a number ("1941"), may be missing, may have its
 * article at the end ("Charge of the Light Brigade, The"), spaces doubled, and its accents read in the wrong alphabet
 * ("LÈon"). A film without a title is called "Untitled".
 */
export function titleFrom(found: unknown): string {
  if (typeof found !== "string" && typeof found !== "number") return "Untitled";
  const letters = String(found).replaceAll(/[^\0-\x7f]/g, (letter) => misread.get(letter) ?? letter);
  const spaced = letters.trim().replaceAll(/\s+/g, " ");
  return spaced.replace(/^(.+), (The|A|An)$/, "$2 $1") || "Untitled";
}

/** Title and year in small letters and hyphens: "LÈon", 1994 becomes "leon-1994". */
export function slugFrom(title: string, year: number): string {
  const plain = title.normalize("NFKD").replaceAll(/\p{Mark}/gu, "");
  const words = plain
    .toLowerCase()
    .replaceAll(/['’]/g, "")
    .replaceAll(/[^a-z0-9]+/g, "-");
  return `${words.replaceAll(/^-|-$/g, "") || "film"}-${year}`;
}
