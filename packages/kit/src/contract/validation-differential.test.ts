import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { DescEnum, DescMessage } from "@bufbuild/protobuf";
import { create, createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { pathToString } from "@bufbuild/protobuf/reflect";
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { createValidator } from "@bufbuild/protovalidate";
import { file_buf_validate_validate } from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { compileContracts } from "./compiler/compile.ts";
import type { MessageType } from "./contract.ts";
import { randomFrom } from "./testdata/random-message.ts";
import type { RuledField } from "./testdata/random-rules.ts";
import { ruledField } from "./testdata/random-rules.ts";

/*
 * Our checks against @bufbuild/protovalidate over random messages with random rules, which our compiler turns into code here
 * and now. WEIR_SEED=n repeats a run, WEIR_ROUNDS=n makes it n times as long.
 */
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000_007);
const rounds = Number(process.env["WEIR_ROUNDS"] ?? 1);
const messages = 40 * rounds;
const fieldsEach = 12;

const folder = mkdtempSync(join(tmpdir(), "weir-rules-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const contractFolder = fileURLToPath(new URL(".", import.meta.url));

const head = `edition = "2023";
package t.rules.v1;
option features.field_presence = IMPLICIT;
import "buf/validate/validate.proto";
import "google/protobuf/any.proto";
import "google/protobuf/duration.proto";
import "google/protobuf/field_mask.proto";
import "google/protobuf/timestamp.proto";
import "google/protobuf/wrappers.proto";
enum Kind {
  KIND_UNSPECIFIED = 0;
  KIND_ONE = 1;
  KIND_TWO = 2;
}
message Inner {
  string id = 1 [(buf.validate.field).string = {min_len: 1 max_len: 3}];
  int32 count = 2 [(buf.validate.field).int32.gte = 0];
  Inner inner = 3;
}
`;

interface Subject {
  readonly name: string;
  readonly fields: readonly RuledField[];
}

function contractFrom(subjects: readonly Subject[]): string {
  const parts = subjects.map(({ name, fields }, index) => {
    const lines = fields.map(({ type, rules }, number) => {
      const isOptional = type.startsWith("optional ");
      const options = isOptional ? ["features.field_presence = EXPLICIT"] : [];
      if (rules.trim() !== "") options.push(`(buf.validate.field) = { ${rules} }`);
      return `  ${type.replace("optional ", "")} = ${number + 1}${options.length > 0 ? ` [${options.join(", ")}]` : ""};`;
    });
    const oneof = `  oneof choice {\n    ${index % 2 === 0 ? "option (buf.validate.oneof).required = true;" : ""}
    string text = 100 [(buf.validate.field).string.min_len = 2];\n    Inner deep = 101;\n  }`;
    const group = index % 3 === 0 ? `  option (buf.validate.message).oneof = { fields: ["f0", "f1"] required: ${index % 2 === 0} };\n` : "";
    return `message ${name} {\n${group}${lines.join("\n")}\n${oneof}\n}\n`;
  });
  return head + parts.join("");
}

const random = randomFrom(seed);
const subjects = Array.from({ length: messages }, (_, index): Subject => {
  return { name: `M${index}`, fields: Array.from({ length: fieldsEach }, (__, field) => ruledField(`f${field}`, random)) };
});
writeFileSync(join(folder, "buf.yaml"), "version: v2\n");
cpSync(join(contractFolder, "buf"), join(folder, "buf"), { recursive: true });
writeFileSync(join(folder, "rules.proto"), contractFrom(subjects));
const buf = fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json")).replace("package.json", "bin/buf");
const image = execFileSync(process.execPath, [buf, "build", "-o", "-"], { cwd: folder, maxBuffer: 1 << 28 });
const files = fromBinary(FileDescriptorSetSchema, image);
const [text] = compileContracts(create(CodeGeneratorRequestSchema, { protoFile: files.file, fileToGenerate: ["rules.proto"] }), {
  files: {},
  packages: [],
});
mkdirSync(join(folder, "node_modules", "@weir"), { recursive: true });
symlinkSync(fileURLToPath(new URL("../../", import.meta.url)), join(folder, "node_modules", "@weir", "kit"));
writeFileSync(join(folder, "rules.weir.ts"), text?.text ?? "");
const module = (await import(pathToFileURL(join(folder, "rules.weir.ts")).href)) as Record<string, MessageType<Record<string, unknown>>>;
const registry = createFileRegistry(files);
const validator = createValidator();

test(`our checks find what @bufbuild/protovalidate finds, and say it in the same words (seed ${seed})`, () => {
  const counts = { violations: 0, clean: 0, failed: 0 };
  const rules = new Set<string>();
  for (const { name, fields } of subjects) {
    const type = module[name] ?? assert.fail(name);
    const desc = registry.getMessage(`t.rules.v1.${name}`) ?? assert.fail(name);
    for (let round = 0; round < 40; round++) {
      const init: Record<string, unknown> = {};
      for (const [index, { value }] of fields.entries()) init[`f${index}`] = value(random) ?? undefined;
      init["choice"] = [
        { case: undefined },
        { case: "text", value: random() < 0.5 ? "x" : "xyz" },
        { case: "deep", value: { id: "long", count: -1, inner: { id: "", count: 0 } } },
      ][Math.floor(random() * 3)];
      const bytes = type.toBinary(type.create(init));
      const read = type.fromBinary(bytes);
      const theirs = validator.validate(desc, fromBinary(desc, bytes));
      const shown = `${name} ${Buffer.from(bytes).toString("hex")}`;
      if (theirs.kind === "error") {
        // A pattern on bytes that are no text: an error there, a violation here.
        assert.match(String(theirs.error), /UTF-8|utf/i, shown);
        counts.failed++;
        continue;
      }
      const ours = (type.validate?.(read) ?? []).map(({ field, ruleId, message, forKey }) =>
        JSON.stringify([field, ruleId, message, forKey]),
      );
      const expected =
        theirs.kind === "valid"
          ? []
          : theirs.violations.map(({ field, ruleId, message, forKey }) => JSON.stringify([pathToString(field), ruleId, message, forKey]));
      const missing = expected.slice(0, 100).filter((one) => !ours.includes(one));
      const more = ours.filter((one) => !expected.includes(one));
      if (missing.length + more.length > 0 || ours.length !== Math.min(100, expected.length)) {
        assert.fail(`missing ${missing.join(" ")}, more ${more.join(" ")}: ${shown}\n${contractFrom([{ name, fields }])}`);
      }
      counts.violations += ours.length;
      if (ours.length === 0) counts.clean++;
      for (const one of ours) rules.add((JSON.parse(one) as string[])[1] ?? "");
    }
  }
  assert.ok(counts.violations > 1000 && rules.size > 80 && counts.failed < 200, JSON.stringify({ ...counts, rules: rules.size }));
});

test("the rules that we know are named and numbered as those of @bufbuild/protovalidate", () => {
  const shown = (desc: DescMessage | undefined): string[] =>
    (desc?.fields ?? []).map((field) => {
      const type = field.message?.typeName ?? field.enum?.typeName ?? field.scalar;
      return `${field.name} = ${field.number} ${field.fieldKind} ${type} ${field.oneof?.name ?? ""}`;
    });
  for (const theirs of file_buf_validate_validate.messages) {
    const ours = registry.getMessage(theirs.typeName);
    if (ours !== undefined) assert.deepEqual(shown(ours), shown(theirs), theirs.typeName);
    else assert.match(theirs.name, /^(PredefinedRules|Violations?|FieldPath|FieldPathElement)$/);
  }
  for (const theirs of file_buf_validate_validate.enums) {
    const numbers = (desc: DescEnum | undefined): string[] => (desc?.values ?? []).map(({ name, number }) => `${name} = ${number}`);
    assert.deepEqual(numbers(registry.getEnum(theirs.typeName)), numbers(theirs));
  }
  for (const theirs of file_buf_validate_validate.extensions) {
    const ours = registry.getExtension(theirs.typeName);
    if (theirs.name !== "predefined") assert.deepEqual([ours?.number, ours?.extendee.typeName], [theirs.number, theirs.extendee.typeName]);
  }
});
