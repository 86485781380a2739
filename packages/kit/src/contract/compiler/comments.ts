import type { DescEnum, DescEnumValue, DescField, DescFile, DescMessage, DescMethod, DescOneof, DescService } from "@bufbuild/protobuf";

/** What may carry a comment in a contract. */
export type Commented = DescMessage | DescField | DescOneof | DescEnum | DescEnumValue | DescService | DescMethod;

type Locations = ReadonlyMap<string, string>;

const locationsOf = new WeakMap<DescFile, Locations>();

/** The lines of the comment above something in a contract, or else of the one beside it; none without a comment. */
export function commentOf(desc: Commented): string[] {
  const file = "file" in desc ? desc.file : desc.parent.file;
  return linesAt(file, pathOf(desc));
}

/** Where something stands, for people: "shop.proto:12"; without the line when the compiler was not told. */
export function placeOf(desc: Commented): string {
  const file = "file" in desc ? desc.file : desc.parent.file;
  const path = pathOf(desc).join();
  const [line] = file.proto.sourceCodeInfo?.location.find((one) => one.path.join() === path)?.span ?? [];
  return line === undefined ? file.proto.name : `${file.proto.name}:${line + 1}`;
}

/** The lines above the first line of a contract, and those above its package. */
export function fileCommentOf(file: DescFile): string[] {
  // Numbers of `syntax`, `edition` and `package` in FileDescriptorProto (google/protobuf/descriptor.proto).
  return [[12], [14], [2]].flatMap((path) => linesAt(file, path));
}

function linesAt(file: DescFile, path: readonly number[]): string[] {
  let locations = locationsOf.get(file);
  if (locations === undefined) {
    const found = file.proto.sourceCodeInfo?.location ?? [];
    locations = new Map(found.map((one) => [one.path.join(), one.leadingComments || one.trailingComments]));
    locationsOf.set(file, locations);
  }
  const lines = (locations.get(path.join()) ?? "").split(/\r?\n/).map((line) => line.trimEnd().replace(/^ /, ""));
  while (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Where something stands, as in SourceCodeInfo: the number of a list in its parent's descriptor, then the place in it. */
function pathOf(desc: Commented): number[] {
  switch (desc.kind) {
    case "service":
      return [6, desc.file.services.indexOf(desc)];
    case "rpc":
      return [...pathOf(desc.parent), 2, desc.parent.methods.indexOf(desc)];
    case "enum_value":
      return [...pathOf(desc.parent), 2, desc.parent.values.indexOf(desc)];
    case "field":
      return [...pathOf(desc.parent), 2, desc.parent.proto.field.indexOf(desc.proto)];
    case "oneof":
      return [...pathOf(desc.parent), 8, desc.parent.proto.oneofDecl.indexOf(desc.proto)];
    case "enum":
      return desc.parent === undefined
        ? [5, desc.file.proto.enumType.indexOf(desc.proto)]
        : [...pathOf(desc.parent), 4, desc.parent.proto.enumType.indexOf(desc.proto)];
    case "message":
      return desc.parent === undefined
        ? [4, desc.file.proto.messageType.indexOf(desc.proto)]
        : [...pathOf(desc.parent), 3, desc.parent.proto.nestedType.indexOf(desc.proto)];
  }
}
