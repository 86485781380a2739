import type { Reason } from "../fault.ts";
import type { MethodPolicyDraft } from "../policy/method-policy.ts";
import type { BinaryReader } from "./binary-reader.ts";
import type { BinaryWriter } from "./binary-writer.ts";
import type { Validation, Violation } from "./validation.ts";

/** What JSON.parse may answer. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [key: string]: JsonValue };

/** How a message type is read and written. One constant of this shape is generated for every message. */
export interface MessageType<T> {
  /** Full protobuf name, "weir.feed.v1.PageRequest". */
  readonly typeName: string;
  /** A message with every field at its default. */
  create(init?: Partial<T>): T;
  /** Canonical proto JSON as text; fields at their default are left out. Throws MESSAGE_INVALID for what the contract does not allow. */
  toJson(message: T): string;
  /** What `toJson` gives to JSON.stringify: fields that are left out are undefined. For what nests the message in other JSON. */
  jsonDraft(message: T): unknown;
  /**
   * Reads parsed canonical proto JSON; throws JSON_INVALID naming the field, what was expected and what was found.
   * `above` is where the message stands in a larger one; only generated code gives it.
   */
  fromJson(json: JsonValue, above?: JsonPlace): T;
  /**
   * The wire format of protobuf; fields at their default are left out. A view of memory that it shares with other messages.
   * Throws MESSAGE_INVALID for what the contract does not allow.
   */
  toBinary(message: T): Uint8Array;
  /**
   * Reads the wire format of protobuf; unknown fields are passed over. Throws BINARY_INVALID naming the type, the byte,
   * what was expected and what was found. Fields of type `bytes` are views of `bytes`, which must not change afterwards.
   */
  fromBinary(bytes: Uint8Array): T;
  /** Writes the fields of a message. For what nests it in other bytes; `toBinary` does the rest. */
  write(message: T, writer: BinaryWriter): void;
  /** Reads fields up to the byte `end`; `into` is what was read of the same message before, which is merged. `fromBinary` does the rest. */
  read(reader: BinaryReader, end: number, into?: T): T;
  /**
   * Which rules of `buf.validate` the message breaks, at most 100; empty when all is well. Absent when neither the message nor
   * what it holds has rules. Times are compared with `nowMs`, by default the machine's.
   */
  validate?(message: T, nowMs?: number): readonly Violation[];
  /** The same within a larger whole; `validate` does the rest. */
  check?(message: T, at: Validation): void;
}

/** Where a reader of JSON stands: a message being read, the field it is at, and what it is nested in. */
export interface JsonPlace {
  readonly above: JsonPlace | undefined;
  /** How many messages this one is nested in, itself included. At most 100. */
  readonly depth: number;
  /** Name of the field being read, as the JSON spells it; "" before the first. */
  field: string;
  /** Item of a list or key of a map being read. */
  item: number | string | undefined;
  /** Whether fields that the contract does not know are passed over. */
  readonly skipsUnknown: boolean;
}

/** Which sides of a method stream. */
export type MethodKind = "unary" | "server_stream" | "client_stream" | "bidi_stream";

/** One `google.api.http` rule. `path` is the template, "/v1/services/{service}:promote". */
export interface HttpRule {
  readonly verb: "GET" | "PUT" | "POST" | "DELETE" | "PATCH";
  readonly path: string;
  /** "*" takes the whole body, a field's JSON name that field, "" no body (the rest comes from the query). */
  readonly body: string;
  /** Field of the answer that is the body; "" for the whole answer. */
  readonly responseBody: string;
  /** What `body` names is a google.api.HttpBody: read as it is, not as JSON. Absent for false. */
  readonly rawBody?: boolean;
  /** What `responseBody` names is a google.api.HttpBody: written as it is. Absent for false. */
  readonly rawResponse?: boolean;
}

/** What is known of a method at compile time. */
export interface MethodDescriptor<Q = unknown, R = unknown> {
  /** As in the contract: "Page". */
  readonly name: string;
  /** Key of the handler: "page". */
  readonly localName: string;
  /** "/weir.feed.v1.Feed/Page". */
  readonly path: string;
  readonly kind: MethodKind;
  readonly input: MessageType<Q>;
  readonly output: MessageType<R>;
  /** From `idempotency_level`: "none" may not be repeated, "safe" changes nothing, "idempotent" may be repeated. */
  readonly idempotency: "none" | "safe" | "idempotent";
  readonly http: readonly HttpRule[];
  /** Fields of the input that are scalars or repeated scalars, by JSON path, for path and query binding. Empty without `http`. */
  readonly fields: readonly FieldDescriptor[];
  /** From `(weir.policy)`: time for the whole call, retries included. Absent for none. */
  readonly timeoutMs?: number;
  /** From `(weir.policy)`: how often a failed call may be repeated. Absent where the contract says nothing of it. */
  readonly retries?: number;
  /** From `(weir.critical)`: shed last. */
  readonly critical?: boolean;
  /** What else `(weir.policy)` and `(weir.policies)` of its service say. Absent for nothing. */
  readonly policy?: MethodPolicyDraft;
}

/** A field that a path or a query may set. `json` is its JSON name, nested ones with dots: "page.size". */
export interface FieldDescriptor {
  readonly json: string;
  /** As in the contract, "page.page_size". Both names are accepted in a query. */
  readonly proto: string;
  readonly kind: "string" | "number" | "bool" | "enum" | "bytes";
  readonly repeated: boolean;
}

/** Methods of a service by the key of their handler. */
export type MethodDescriptors = Readonly<Record<string, MethodDescriptor>>;

/** What is known of a service at compile time. `Handlers` and `Client` are the generated interfaces, `Methods` has the exact types. */
export interface ServiceDescriptor<Handlers = unknown, Client = unknown, Methods extends MethodDescriptors = MethodDescriptors> {
  /** "weir.feed.v1.Feed". */
  readonly typeName: string;
  /**
   * Loads the descriptors of its file and of what that imports: each a google.protobuf.FileDescriptorProto in binary, as
   * base64. For reflection; absent when it was not generated from a contract.
   */
  readonly files?: () => Promise<readonly string[]>;
  readonly methods: Methods;
  /** Types only: never set. */
  readonly types?: { readonly handlers: Handlers; readonly client: Client };
}

/** Reasons generated from an enum that has `option (weir.errors) = true`. */
export type ContractReasons = Readonly<Record<string, Reason>>;
