import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import {
  CodeGeneratorRequestSchema,
  CodeGeneratorResponseSchema,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from "@bufbuild/protobuf/wkt";
import { fault, isFault } from "../../fault.ts";
import type { Call, CallOptions } from "../../call.ts";
import type { MethodDescriptor } from "../contract.ts";
import type { Choices, GoldenClient, GoldenHandlers, Item } from "../testdata/golden.weir.ts";
import { Color, Golden, GoldenReason } from "../testdata/golden.weir.ts";
import { answerPluginRequest, compileContracts } from "./compile.ts";
import type { Layout } from "./layout.ts";

const contractFolder = fileURLToPath(new URL("..", import.meta.url));
const root = join(contractFolder, "..", "..", "..", "..");
const buf = join(dirname(fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json"))), "bin", "buf");
const googleFolder = join(dirname(fileURLToPath(import.meta.resolve("protobufjs/package.json"))), "google", "api");
const bare: Layout = { files: {}, packages: [] };

function readContracts(folder: string, ...args: readonly string[]): FileDescriptorProto[] {
  const image = execFileSync(process.execPath, [buf, "build", ...args, "-o", "-"], {
    cwd: folder,
    maxBuffer: 1 << 26,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return fromBinary(FileDescriptorSetSchema, image).file;
}

/** Contracts given as text, read by buf beside google.api and Weir's options. */
function readTexts(texts: Readonly<Record<string, string>>): FileDescriptorProto[] {
  const folder = mkdtempSync(join(tmpdir(), "weir-compile-"));
  try {
    writeFileSync(join(folder, "buf.yaml"), "version: v2\n");
    mkdirSync(join(folder, "google"));
    cpSync(googleFolder, join(folder, "google", "api"), { recursive: true });
    for (const own of ["weir", "buf", "google"]) cpSync(join(contractFolder, own), join(folder, own), { recursive: true });
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
    return readContracts(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function compileOne(protoFile: FileDescriptorProto[], name: string, layout: Layout = bare): string {
  const request = create(CodeGeneratorRequestSchema, { protoFile, fileToGenerate: [name] });
  return compileContracts(request, layout)[0]?.text ?? "";
}

test("the compiler turns the golden contract into the golden text, each time the same", () => {
  const files = readContracts(root, "packages/kit/src/contract");
  const { name, exports } = JSON.parse(readFileSync(join(root, "packages/kit/package.json"), "utf8")) as {
    name: string;
    exports: Record<string, string>;
  };
  const names = ["testdata/golden.proto", "testdata/common.proto"];
  const layout: Layout = {
    files: Object.fromEntries(names.map((file) => [file, `packages/kit/src/contract/${file}`])),
    packages: [{ folder: "packages/kit", name, exports }],
  };
  for (const file of names) {
    const expected = readFileSync(join(contractFolder, file.replace(".proto", ".weir.ts")), "utf8");
    assert.equal(compileOne(files, file, layout), expected);
    assert.equal(compileOne(files, file, layout), expected);
  }
});

const head = 'syntax = "proto3";\npackage t.v1;\n';
const imports = 'import "google/api/annotations.proto";\nimport "weir/options.proto";\n';

function method(options: string): string {
  return `${head}${imports}message Q { string id = 1; Q q = 2; }\nservice S { rpc M(Q) returns (Q) { ${options} } }`;
}

const refused: readonly (readonly [file: string, text: string, expected: RegExp])[] = [
  [
    "proto2.proto",
    'syntax = "proto2";\npackage t2;\nmessage A { optional string b = 1; }',
    /proto2\.proto: expected proto3 or edition 2023, found proto2/,
  ],
  [
    "required.proto",
    'edition = "2023";\npackage t3;\nmessage A { string b = 1 [features.field_presence = LEGACY_REQUIRED]; }',
    /t3\.A\.b: expected explicit or implicit presence, found a required field/,
  ],
  ["clash.proto", `${head.replace("t.", "t4.")}message A { message B {} }\nmessage A_B {}`, /are both called A_B in TypeScript/],
  ["service-clash.proto", `${head.replace("t.", "t5.")}message SClient {}\nservice S {}`, /are both called SClient in TypeScript/],
  [
    "variable.proto",
    method('option (google.api.http) = {get: "/v1/{nope}"};').replace("t.v1", "t6.v1"),
    /expected a field of t6\.v1\.Q in \{\}, found "nope"/,
  ],
  [
    "slash.proto",
    method('option (google.api.http) = {get: "v1"};').replace("t.v1", "t7.v1"),
    /expected a path that begins with \/, found "v1"/,
  ],
  [
    "body.proto",
    method('option (google.api.http) = {post: "/v1" body: "nope"};').replace("t.v1", "t8.v1"),
    /expected a field of t8\.v1\.Q as body, found "nope"/,
  ],
  [
    "get-body.proto",
    method('option (google.api.http) = {get: "/v1" body: "*"};').replace("t.v1", "t9.v1"),
    /expected no body with GET, found "\*"/,
  ],
  [
    "custom.proto",
    method('option (google.api.http) = {custom: {kind: "HEAD" path: "/v1"}};').replace("t.v1", "t10.v1"),
    /expected get, put, post, delete or patch, found custom/,
  ],
  [
    "timeout.proto",
    method('option (weir.policy) = {timeout: "soon"};').replace("t.v1", "t11.v1"),
    /expected a timeout like "800ms", at most an hour, found "soon"/,
  ],
  [
    "retry.proto",
    method("option (weir.policy) = {retry: 1};").replace("t.v1", "t12.v1"),
    /expected retry only on a method with an idempotency_level, found 1/,
  ],
  [
    "retries.proto",
    method("option idempotency_level = IDEMPOTENT; option (weir.policy) = {retry: 11};").replace("t.v1", "t13.v1"),
    /expected at most 10 retries, found 11/,
  ],
  [
    "reason.proto",
    `${head.replace("t.", "t14.")}${imports}enum R { option (weir.errors) = true; Z = 0; A = 1 [(weir.error) = {code: "GONE" meaning: "x"}]; }`,
    /expected a gRPC code and a meaning, found code "GONE"/,
  ],
  [
    "meaning.proto",
    `${head.replace("t.", "t15.")}${imports}enum R { option (weir.errors) = true; Z = 0; A = 1; }`,
    /expected a gRPC code and a meaning, found code "" and meaning ""/,
  ],
  [
    "reason-field.proto",
    `${head.replace("t.", "t16.")}${imports}enum R { option (weir.errors) = true; Z = 0; }\nmessage A { R r = 1; }`,
    /expected a type, found the error reasons t16\.v1\.R/,
  ],
  [
    "wrapper.proto",
    `${head.replace("t.", "t17.")}import "google/protobuf/wrappers.proto";\nservice S { rpc M(google.protobuf.StringValue) returns (google.protobuf.StringValue); }`,
    /google\.protobuf\.StringValue: expected one of Any, .* found another/,
  ],
];

test("the compiler refuses what it cannot turn into code and says where", () => {
  const files = readTexts(Object.fromEntries(refused.map(([file, text]) => [file, text])));
  for (const [file, , expected] of refused) {
    assert.throws(
      () => compileOne(files, file),
      (error: unknown) => isFault(error) && error.reason === "CONTRACT_INVALID" && expected.test(error.message),
      file,
    );
  }
});

const ruled: readonly (readonly [field: string, expected: RegExp])[] = [
  ['string a = 1 [(buf.validate.field).cel = {id: "x" expression: "this != \'\'"}];', /r0\.v1\.A\.a: expected rules that stand in .+ CEL/],
  ["string a = 1 [(buf.validate.field).cel_expression = \"this != ''\"];", /CEL, which Weir does not run/],
  ["int32 a = 1 [(buf.validate.field).string.min_len = 1];", /expected rules for int32, found rules for string/],
  ["repeated int32 a = 1 [(buf.validate.field).int32.gt = 1];", /expected rules for repeated, found rules for int32/],
  ['A a = 1 [(buf.validate.field).any.in = "x"];', /expected rules for nothing but required and ignore, found rules for any/],
  ["double a = 1 [(buf.validate.field).double.lt = nan];", /expected a number as double\.lt, found nan/],
  [
    'string a = 1 [(buf.validate.field).string.pattern = "^(a+)+$"];',
    /a pattern that cannot be made to take long, found "\^\(a\+\)\+\$", in which/,
  ],
  ['string a = 1 [(buf.validate.field).string.pattern = "(?=a)"];', /which has a group that looks around/],
  ["repeated A a = 1 [(buf.validate.field).repeated.unique = true];", /expected unique on a list of scalars or enums, found r8\.v1\.A/],
  ['option (buf.validate.message).oneof = {fields: ["a", "b"]};\nstring a = 1;', /expected a field of it in .+, found "b"/],
  ['option (buf.validate.message).oneof = {fields: ["a", "a"]};\nstring a = 1;', /expected different fields in .+, found a, a/],
];

test("the compiler refuses rules that it cannot check, and says which", () => {
  const texts = Object.fromEntries(
    ruled.map(([field], index) => {
      const text = `syntax = "proto3";\npackage r${index}.v1;\nimport "buf/validate/validate.proto";\nmessage A {\n${field}\n}\n`;
      return [`rules${index}.proto`, text];
    }),
  );
  const files = readTexts(texts);
  for (const [index, [field, expected]] of ruled.entries()) {
    assert.throws(
      () => compileOne(files, `rules${index}.proto`),
      (error) => isFault(error) && error.reason === "CONTRACT_INVALID" && expected.test(error.message),
      field,
    );
  }
});

test("the plugin answers a wrong contract as an error of the compiler, and a right one as files", () => {
  const texts = { "right.proto": `${head}message A {}`, "wrong.proto": refused[0]?.[1] ?? "" };
  const protoFile = readTexts(texts);
  const answerTo = (fileToGenerate: string[]) => {
    const request = toBinary(CodeGeneratorRequestSchema, create(CodeGeneratorRequestSchema, { protoFile, fileToGenerate, parameter: "x" }));
    return fromBinary(
      CodeGeneratorResponseSchema,
      answerPluginRequest(request, (parameter) => (parameter === "x" ? bare : assert.fail())),
    );
  };
  assert.match(answerTo(["wrong.proto"]).error, /expected proto3/);
  const { file, error } = answerTo(["right.proto", "weir/options.proto", "google/api/http.proto"]);
  assert.equal(error, "");
  assert.deepEqual(
    file.map(({ name }) => name),
    ["right.weir.ts", "weir/options.descriptor.weir.ts"],
  );
});

const layout: Layout = {
  files: { "a.proto": "apps/a/src/a.proto", "b.proto": "apps/b/src/deep/b.proto", "c.proto": "apps/a/src/deep/c.proto" },
  packages: [
    { folder: "apps/a", name: "@x/a", exports: {} },
    { folder: "apps/b", name: "@x/b", exports: { ".": "./src/index.ts", "./b": "./src/deep/b.weir.ts" } },
  ],
};

test("contracts of one package import each other by path, those of others by their doors", () => {
  const file = (name: string, more: string): string => `syntax = "proto3";\npackage ${name};\n${more}`;
  const files = readTexts({
    "a.proto": file("a", 'import "b.proto";\nimport "c.proto";\nmessage A { b.M m = 1; c.M other = 2; M own = 3; }\nmessage M {}'),
    "b.proto": file("b", "message M {}"),
    "c.proto": file("c", "message M {}"),
    "d.proto": file("d", 'import "c.proto";\nmessage D { c.M m = 1; }'),
  });
  const text = compileOne(files, "a.proto", layout);
  assert.match(text, /^import \{ M as M_2 \} from "@x\/b\/b";$/m);
  assert.match(text, /^import \{ M as M_3 \} from "\.\/deep\/c\.weir\.ts";$/m);
  assert.match(
    text,
    /^import type \{ MessageType \} from "@weir\/kit\/contract";$|^import type \{ JsonValue, MessageType \} from "@weir\/kit\/contract";$/m,
  );
  const elsewhere: Layout = { ...layout, files: { ...layout.files, "d.proto": "apps/b/src/d.proto" } };
  assert.throws(
    () => compileOne(files, "d.proto", elsewhere),
    /expected apps\/a\/src\/deep\/c\.weir\.ts among the exports of @x\/a, found none/,
  );
});

test("bodies that are taken as they are stand on their rules, and their type comes from the kit", () => {
  const files = readTexts({
    "a.proto": [
      'syntax = "proto3";\npackage a;\nimport "google/api/annotations.proto";\nimport "google/api/httpbody.proto";',
      "message Q { string name = 1; google.api.HttpBody body = 2; }",
      "service S {",
      '  rpc Put(Q) returns (Q) { option (google.api.http) = {put: "/v1/{name}" body: "body"}; }',
      '  rpc Send(stream Q) returns (stream google.api.HttpBody) { option (google.api.http) = {post: "/v1/{name}" body: "body"}; }',
      '  rpc Talk(stream Q) returns (stream Q) { option (google.api.http) = {get: "/v1/talk"}; }',
      "}",
    ].join("\n"),
  });
  const text = compileOne(files, "a.proto");
  assert.match(text, /^import \{ HttpBody \} from "@weir\/kit\/contract\/http-body";$/m);
  assert.match(text, /verb: "PUT", path: "\/v1\/\{name\}", body: "body", responseBody: "", rawBody: true \}/);
  assert.match(text, /verb: "POST", path: "\/v1\/\{name\}", body: "body", responseBody: "", rawBody: true, rawResponse: true \}/);
  assert.match(text, /verb: "GET", path: "\/v1\/talk", body: "", responseBody: "" \}/);
  assert.doesNotMatch(text, /body\.data|body\.contentType/);
});

test("generated types are exact", () => {
  const unary: MethodDescriptor<Parameters<GoldenHandlers["getItem"]>[0], Item> = Golden.methods.getItem;
  const loose: MethodDescriptor = Golden.methods.chat;
  assert.deepEqual([unary.kind, loose.kind], ["unary", "bidi_stream"]);
  // @ts-expect-error there is no such method
  assert.equal(Golden.methods.nope, undefined);
  // @ts-expect-error there is no such color
  const color: Color = 7;
  assert.notEqual(color, Color.RED);
  const choice: Choices["choice"] = { case: "text", value: "a" };
  // @ts-expect-error the value of a text is a string
  const mixed: Choices["choice"] = { case: "text", value: 1n };
  assert.notDeepEqual(choice, mixed);
  assert.equal(fault(GoldenReason.ITEM_UNKNOWN, "No item i1.").code, "NOT_FOUND");
  const client: Pick<GoldenClient, "watch"> = { async *watch(_request: { id?: string }, _call?: Call | CallOptions) {} };
  assert.ok(client.watch({ id: "a" }));
});

test("a file with services comes with the descriptors of all that it imports, the options' file alone with that of descriptors", () => {
  const files = readTexts({
    "base.proto": `${head.replace("t.", "d1.")}message Q { string id = 1; }`,
    "service.proto":
      `${head.replace("t.", "d2.")}import "base.proto";\nimport "weir/options.proto";\n// Commented.\nservice S { rpc M(d1.v1.Q) returns (d1.v1.Q) ` +
      `{ option (weir.critical) = true; } }`,
  });
  const request = create(CodeGeneratorRequestSchema, {
    protoFile: files,
    fileToGenerate: ["base.proto", "service.proto", "weir/options.proto"],
  });
  const texts = new Map(compileContracts(request, bare).map(({ path, text }) => [path, text]));
  assert.deepEqual([...texts.keys()], ["base.weir.ts", "service.weir.ts", "service.descriptor.weir.ts", "weir/options.descriptor.weir.ts"]);
  assert.match(texts.get("service.weir.ts") ?? "", /^ {2}files: \(\) => import\("\.\/service\.descriptor\.weir\.ts"\)/m);
  const held = (path: string): FileDescriptorProto[] =>
    [...(texts.get(path) ?? "").matchAll(/^ {2}"(.*)",$/gm)].map(([, text = ""]) =>
      fromBinary(FileDescriptorProtoSchema, Buffer.from(text, "base64")),
    );
  const service = held("service.descriptor.weir.ts");
  assert.deepEqual(
    service.map((file) => file.name),
    ["base.proto", "weir/options.proto", "service.proto"],
  );
  for (const file of service) assert.equal(file.sourceCodeInfo, undefined);
  const bytesOf = (file: FileDescriptorProto | undefined): Buffer =>
    Buffer.from(toBinary(FileDescriptorProtoSchema, file ?? assert.fail()));
  const whole = files.find((file) => file.name === "service.proto");
  assert.ok(whole);
  whole.sourceCodeInfo = undefined;
  assert.deepEqual(bytesOf(service[2]), bytesOf(whole));
  assert.deepEqual(
    held("weir/options.descriptor.weir.ts").map((file) => file.name),
    ["google/protobuf/descriptor.proto", "weir/options.proto"],
  );
});
