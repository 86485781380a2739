/** Escapes of one character in a Go string (Go specification, "Rune literals"). */
const escapes: Readonly<Record<string, number>> = { a: 7, b: 8, t: 9, n: 10, v: 11, f: 12, r: 13, "\\": 92, "'": 39, '"': 34 };

/**
 * The FileDescriptorProto, in binary, that protoc-gen-go (from 1.36.6) leaves in a .pb.go as the constant `…_rawDesc`.
 * Throws an Error when the text has none.
 */
export function descriptorFromGo(text: string): Uint8Array<ArrayBuffer> {
  const literals = /^const \w+_rawDesc = ""((?: \+\n\t"(?:[^"\\\n]|\\.)*")+)$/m.exec(text)?.[1];
  if (literals === undefined) throw new Error("expected a constant …_rawDesc of string literals, found none");
  const lines = literals.split(" +\n\t").slice(1);
  return Uint8Array.from(lines.flatMap((line) => bytesFromGoLiteral(line.slice(1, -1))));
}

/** What stands between the quotes of a Go string: bytes, UTF-8 where it is written out. */
function bytesFromGoLiteral(literal: string): number[] {
  const bytes: number[] = [];
  const parts = /\\x([0-9a-f]{2})|\\([0-7]{3})|\\u([0-9a-f]{4})|\\U([0-9a-f]{8})|\\(.)|([^\\]+)/gu;
  for (const [, hex, octal, short, long, plain, verbatim] of literal.matchAll(parts)) {
    if (hex !== undefined) bytes.push(Number.parseInt(hex, 16));
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else if (plain !== undefined) bytes.push(escapes[plain] ?? unknownEscape(plain));
    else bytes.push(...new TextEncoder().encode(verbatim ?? String.fromCodePoint(Number.parseInt(short ?? long ?? "", 16))));
  }
  return bytes;
}

function unknownEscape(letter: string): never {
  throw new Error(`expected an escape of Go, found \\${letter}`);
}
