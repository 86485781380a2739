import {
  create,
  createFileRegistry,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
  type DescMessage,
  type DescMethod,
  type DescService,
  type FileRegistry,
  type MessageShape,
} from "@bufbuild/protobuf";
import {
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel,
  type FileDescriptorProto,
} from "@bufbuild/protobuf/wkt";
import type { JsonValue, MessageType, MethodDescriptor, MethodKind, ServiceDescriptor } from "@weir/kit/contract";
import { boundFieldsOf, httpRulesOf } from "@weir/kit/contract/http-rules";
import { fault } from "@weir/kit/fault";
import { gatewayReasons } from "../reasons.ts";

/** Any message of a contract that is known at run time only. */
type Described = MessageShape<DescMessage>;

const kinds: Readonly<Record<DescMethod["methodKind"], MethodKind>> = {
  unary: "unary",
  server_streaming: "server_stream",
  client_streaming: "client_stream",
  bidi_streaming: "bidi_stream",
};

/**
 * The services of these names, made of their descriptors at run time: each of `files` is a google.protobuf.FileDescriptorProto
 * in binary; all that they import has to be among them. Slower than generated code, and the same in every other way.
 * Throws when the files do not fit together.
 */
export function describedServices(files: readonly Uint8Array[], names: readonly string[]): ServiceDescriptor[] {
  const found = files.map((bytes) => fromBinary(FileDescriptorProtoSchema, bytes));
  const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: inOrder(found) }));
  return names.flatMap((name) => {
    const service = registry.getService(name);
    return service === undefined ? [] : [serviceFrom(service, registry)];
  });
}

/** Files behind what they import. */
function inOrder(files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const ordered = new Set<FileDescriptorProto>();
  const add = (file: FileDescriptorProto, above: ReadonlySet<string>): void => {
    if (ordered.has(file) || above.has(file.name)) return;
    for (const name of file.dependency) {
      const imported = byName.get(name);
      if (imported !== undefined) add(imported, new Set([...above, file.name]));
    }
    ordered.add(file);
  };
  for (const file of byName.values()) add(file, new Set());
  return [...ordered];
}

function serviceFrom(service: DescService, registry: FileRegistry): ServiceDescriptor {
  const methods: Record<string, MethodDescriptor> = {};
  for (const method of service.methods) methods[method.localName] = methodFrom(method, registry);
  return { typeName: service.typeName, methods };
}

function methodFrom(method: DescMethod, registry: FileRegistry): MethodDescriptor {
  const http = httpRulesOf(method, registry);
  const { idempotency } = method;
  return {
    name: method.name,
    localName: method.localName,
    path: `/${method.parent.typeName}/${method.name}`,
    kind: kinds[method.methodKind],
    input: messageTypeFrom(method.input, registry) as MessageType<unknown>,
    output: messageTypeFrom(method.output, registry) as MessageType<unknown>,
    idempotency:
      idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS
        ? "safe"
        : idempotency === MethodOptions_IdempotencyLevel.IDEMPOTENT
          ? "idempotent"
          : "none",
    http,
    fields: http.length === 0 ? [] : boundFieldsOf(method.input),
  };
}

function messageTypeFrom(desc: DescMessage, registry: FileRegistry): MessageType<Described> {
  const draft = (message: Described): JsonValue => toJson(desc, message, { registry }) as JsonValue;
  return {
    typeName: desc.typeName,
    create: (init) => create(desc, init as never),
    toJson: (message) => JSON.stringify(draft(message)),
    jsonDraft: draft,
    fromJson: (json, above) => asked(() => fromJson(desc, json as never, { registry, ignoreUnknownFields: above?.skipsUnknown ?? false })),
    toBinary: (message) => toBinary(desc, message),
    fromBinary: (bytes) => asked(() => fromBinary(desc, bytes)),
    write: (message, writer) => writer.raw(toBinary(desc, message)),
    // Only generated code nests messages in each other's bytes.
    read() {
      throw new Error(`expected ${desc.typeName} to stand by itself`);
    },
  };
}

/** What the reading of a message throws is its sender's fault. */
function asked<T>(read: () => T): T {
  try {
    return read();
  } catch (thrown) {
    throw fault(gatewayReasons.MESSAGE_UNREADABLE, `The message cannot be read: ${(thrown as Error).message}.`, { cause: thrown });
  }
}
