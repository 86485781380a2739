import { TestService } from "#suites/grpc/testing/test.weir.ts";
import type { DescService } from "@bufbuild/protobuf";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";

/** The interoperability tests' service as protobuf-es knows it: foreign clients bring their own codec. */
export async function testServiceSchema(): Promise<DescService> {
  const texts = (await TestService.files?.()) ?? [];
  const file = texts.map((text) =>
    fromBinary(
      FileDescriptorProtoSchema,
      Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)),
    ),
  );
  const found = createFileRegistry(create(FileDescriptorSetSchema, { file })).getService(TestService.typeName);
  if (found === undefined) throw new Error(`expected ${TestService.typeName} among the descriptors, found none`);
  return found;
}
