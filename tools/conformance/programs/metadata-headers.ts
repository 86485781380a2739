import { Header } from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type { Metadata } from "@weir/kit/call";

/** Metadata as the suite writes it: a name with all of its values. */
export function headersFromMetadata(metadata: Metadata): Header[] {
  const byName = new Map<string, string[]>();
  for (let index = 0; index + 1 < metadata.length; index += 2) {
    const values = byName.get(metadata[index] as string) ?? [];
    values.push(metadata[index + 1] as string);
    byName.set(metadata[index] as string, values);
  }
  return [...byName].map(([name, value]) => Header.create({ name, value }));
}

/** The other way; names become lower case. */
export function metadataFromHeaders(headers: readonly Header[]): Metadata {
  return headers.flatMap(({ name, value }) => value.flatMap((one) => [name.toLowerCase(), one]));
}
