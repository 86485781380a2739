import { bytesFromBase64 } from "../../../contract/base64.ts";
import type { Implementation } from "../../implement.ts";
import type { EnumOutline, FieldOutline, MessageOutline } from "./outline.weir.ts";
import { FileOutline } from "./outline.weir.ts";

/** The contracts of a server, found by name. All names are full, without a leading dot. */
export interface ReflectedFiles {
  /** A google.protobuf.FileDescriptorProto in binary, and the names of the files that it imports. */
  readonly byName: ReadonlyMap<string, { readonly bytes: Uint8Array; readonly imports: readonly string[] }>;
  /** Name of the file that declares a service, method, message, field, oneof, enum, value or extension. */
  readonly bySymbol: ReadonlyMap<string, string>;
  /** By what is extended, by number: the name of the file. A message without extensions has an empty map. */
  readonly extensions: ReadonlyMap<string, ReadonlyMap<number, string>>;
}

/** Loads the descriptors of everything that is served and of all that it imports, and looks through them once. */
export async function loadFiles(served: readonly Implementation[]): Promise<ReflectedFiles> {
  const loaded = await Promise.all([
    import("../../../contract/weir/options.descriptor.weir.ts").then(({ files }) => files),
    ...served.map(({ descriptor }) => descriptor.files?.() ?? []),
  ]);
  const byName = new Map<string, { bytes: Uint8Array; imports: readonly string[] }>();
  const bySymbol = new Map<string, string>();
  const extensions = new Map<string, Map<number, string>>();
  for (const text of new Set(loaded.flat())) {
    const bytes = bytesFromBase64(text) ?? new Uint8Array(0);
    const file = FileOutline.fromBinary(bytes);
    if (byName.has(file.name)) continue;
    byName.set(file.name, { bytes, imports: file.dependency });
    lookThrough(file, { bySymbol, extensions });
  }
  return { byName, bySymbol, extensions };
}

interface Found {
  readonly bySymbol: Map<string, string>;
  readonly extensions: Map<string, Map<number, string>>;
}

function lookThrough(file: FileOutline, { bySymbol, extensions }: Found): void {
  const declare = (scope: string, name: string): string => {
    const full = scope === "" ? name : `${scope}.${name}`;
    bySymbol.set(full, file.name);
    return full;
  };
  const extension = (scope: string, field: FieldOutline): void => {
    declare(scope, field.name);
    const extendee = field.extendee.replace(/^\./, "");
    const numbers = extensions.get(extendee) ?? new Map<number, string>();
    extensions.set(extendee, numbers.set(field.number, file.name));
  };
  const enumeration = (scope: string, one: EnumOutline): void => {
    declare(scope, one.name);
    // Values are named beside their enum, not in it.
    for (const value of one.value) declare(scope, value.name);
  };
  const message = (scope: string, one: MessageOutline): void => {
    const full = declare(scope, one.name);
    if (!extensions.has(full)) extensions.set(full, new Map());
    for (const member of [...one.field, ...one.oneofDecl]) declare(full, member.name);
    for (const field of one.extension) extension(full, field);
    for (const nested of one.enumType) enumeration(full, nested);
    for (const nested of one.nestedType) message(full, nested);
  };
  for (const one of file.messageType) message(file.package, one);
  for (const one of file.enumType) enumeration(file.package, one);
  for (const field of file.extension) extension(file.package, field);
  for (const service of file.service) {
    const full = declare(file.package, service.name);
    for (const method of service.method) declare(full, method.name);
  }
}
