import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isDeepStrictEqual } from "node:util";
import type { DescField, DescMessage, FileRegistry } from "@bufbuild/protobuf";
import { ScalarType, create, createFileRegistry, fromBinary, fromJson, toBinary, toJson } from "@bufbuild/protobuf";
import { scalarZeroValue } from "@bufbuild/protobuf/reflect";
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import protobuf from "protobufjs";
import { isFault } from "../fault.ts";
import { BinaryReader } from "./binary-reader.ts";
import { compileContracts } from "./compiler/compile.ts";
import type { MessageType } from "./contract.ts";
import { parseJson } from "./json-text.ts";
import { randomContract } from "./testdata/random-contract.ts";
import { randomFrom, randomMessage } from "./testdata/random-message.ts";

/*
 * Our codec against @bufbuild/protobuf and protobufjs over random messages of random contracts, which our compiler turns
 * into code here and now. WEIR_SEED=n repeats a run, WEIR_ROUNDS=n makes it n times as long.
 */
const seed = Number(process.env["WEIR_SEED"] ?? Date.now() % 1_000_000_007);
const rounds = Number(process.env["WEIR_ROUNDS"] ?? 1);
const contracts = 5 * rounds;
const messagesEach = 6;

/** One message type in all three libraries. */
interface Subject {
  readonly name: string;
  readonly ours: MessageType<unknown>;
  readonly desc: DescMessage;
  readonly plain: protobuf.Type;
}

const folder = mkdtempSync(join(tmpdir(), "weir-binary-"));
after(() => rmSync(folder, { recursive: true, force: true }));
const types = new Map<string, MessageType<unknown>>();
const subjects = await openSubjects();

async function openSubjects(): Promise<Subject[]> {
  const buf = fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json")).replace("package.json", "bin/buf");
  const names = Array.from({ length: contracts }, (_, index) => `c${index}`);
  writeFileSync(join(folder, "buf.yaml"), "version: v2\n");
  for (const [index, name] of names.entries()) {
    writeFileSync(join(folder, `${name}.proto`), randomContract(name, { random: randomFrom(seed + index), messages: messagesEach }));
  }
  const image = execFileSync(process.execPath, [buf, "build", "-o", "-"], { cwd: folder, maxBuffer: 1 << 28 });
  const files = fromBinary(FileDescriptorSetSchema, image);
  const request = create(CodeGeneratorRequestSchema, { protoFile: files.file, fileToGenerate: names.map((name) => `${name}.proto`) });
  mkdirSync(join(folder, "node_modules", "@weir"), { recursive: true });
  symlinkSync(fileURLToPath(new URL("../../", import.meta.url)), join(folder, "node_modules", "@weir", "kit"));
  const registry = createFileRegistry(files);
  const found: Subject[] = [];
  for (const { path, text } of compileContracts(request, { files: {}, packages: [] })) {
    const file = join(folder, path);
    writeFileSync(file, text);
    const module = (await import(pathToFileURL(file).href)) as Record<string, MessageType<unknown>>;
    found.push(...subjectsOf(module, registry, join(folder, path.replace(".weir.ts", ".proto"))));
  }
  return found;
}

function subjectsOf(module: Record<string, MessageType<unknown>>, registry: FileRegistry, proto: string): Subject[] {
  const root = protobuf.parse(readFileSync(proto, "utf8"), new protobuf.Root()).root;
  for (const name of ["timestamp", "duration", "field_mask", "struct", "empty", "wrappers"]) {
    const common = protobuf.common.get(`google/protobuf/${name}.proto`);
    if (common !== null) root.addJSON(common.nested ?? {});
  }
  root.resolveAll();
  return Object.values(module).flatMap((ours) => {
    if (!("toBinary" in ours)) return [];
    const desc = registry.getMessage(ours.typeName);
    assert.ok(desc);
    types.set(ours.typeName, ours);
    return [{ name: ours.typeName, ours, desc, plain: root.lookupType(ours.typeName) }];
  });
}

test(`all libraries read what our codec writes, and it reads what they write (seed ${seed})`, () => {
  for (const [index, { name, ours, desc, plain }] of subjects.entries()) {
    const random = randomFrom(seed + 10_000 + index);
    for (let round = 0; round < 25; round++) {
      const message = randomMessage(desc, { random, types });
      const bytes = ours.toBinary(message);
      const shown = `${name}: ${Buffer.from(bytes).toString("hex")}`;
      assert.deepEqual(ours.fromBinary(bytes), message, shown);
      const theirs = fromBinary(desc, bytes);
      assert.deepEqual(Buffer.from(toBinary(desc, theirs)), Buffer.from(bytes), shown);
      assert.equal(theirs.$unknown, undefined, shown);
      const json = parseJson(JSON.stringify(toJson(desc, theirs)));
      assert.deepEqual(parseJson(ours.toJson(message)), json, shown);
      assert.deepEqual(ours.fromJson(json), message, shown);
      assert.deepEqual(Buffer.from(toBinary(desc, fromJson(desc, parseJson(ours.toJson(message))))), Buffer.from(bytes), shown);
      assert.deepEqual(ours.fromBinary(plain.encode(plain.decode(bytes)).finish()), message, shown);
    }
  }
});

test(`messages that were joined merge as @bufbuild/protobuf merges them (seed ${seed})`, () => {
  for (const [index, { name, ours, desc }] of subjects.entries()) {
    const random = randomFrom(seed + 20_000 + index);
    for (let round = 0; round < 10; round++) {
      const parts = [0, 1, 2].map(() => ours.toBinary(randomMessage(desc, { random, types })));
      const joined = Buffer.concat(parts);
      const theirs = toBinary(desc, fromBinary(desc, joined));
      assert.deepEqual(ours.fromBinary(joined), ours.fromBinary(theirs), `${name}: ${joined.toString("hex")}`);
    }
  }
});

function attempt<T>(action: () => T): { readonly value?: T; readonly error?: unknown } {
  try {
    return { value: action() };
  } catch (error) {
    return { error };
  }
}

type Verdict = "taken" | "refused" | "outvoted";

/** Whether a message holds maps whose entries protobufjs mixes up when a key (of 64 bits) or a value (of a closed enum) is left out. */
function hasHardMaps(desc: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(desc)) return false;
  seen.add(desc);
  return desc.fields.some((field) => {
    const isLong =
      field.fieldKind === "map" && field.mapKey !== ScalarType.STRING && typeof scalarZeroValue(field.mapKey, false) === "bigint";
    const isClosed = field.fieldKind === "map" && field.enum?.open === false;
    return isLong || isClosed || (field.message !== undefined && hasHardMaps(field.message, seen));
  });
}

/** Reads as we do, and sees that what others accept means the same to them. */
function judge({ name, ours, desc, plain }: Subject, bytes: Uint8Array): Verdict {
  const shown = `${name}: ${Buffer.from(bytes).toString("hex")}`;
  const read = attempt(() => ours.fromBinary(bytes));
  if (read.error !== undefined) {
    assert.ok(isFault(read.error) && read.error.reason === "BINARY_INVALID", shown);
    assert.match(read.error.message, /^Binary [\w.]+, byte \d+: expected .+, found .+$/);
    return "refused";
  }
  assert.deepEqual(ours.fromBinary(ours.toBinary(read.value)), read.value, shown);
  const isComparable = isWellTyped(partsOf(desc), new BinaryReader(bytes, name), bytes.length);
  const theirs = isComparable ? attempt(() => fromBinary(desc, bytes, { readUnknownFields: false })) : {};
  if (theirs.value !== undefined) assert.deepEqual(ours.fromBinary(toBinary(desc, theirs.value)), read.value, shown);
  const other = attempt(() => ours.fromBinary(plain.encode(plain.decode(bytes)).finish()));
  if (other.value === undefined || isDeepStrictEqual(other.value, read.value)) return "taken";
  if (!hasHardMaps(desc)) assert.deepEqual(other.value, read.value, shown);
  return "outvoted";
}

const wires: Readonly<Record<number, number>> = {
  [ScalarType.DOUBLE]: 1,
  [ScalarType.FIXED64]: 1,
  [ScalarType.SFIXED64]: 1,
  [ScalarType.FLOAT]: 5,
  [ScalarType.FIXED32]: 5,
  [ScalarType.SFIXED32]: 5,
  [ScalarType.STRING]: 2,
  [ScalarType.BYTES]: 2,
};

/** A field as its wire types and what lies in it. */
interface Part {
  readonly number: number;
  readonly wires: readonly number[];
  readonly inside: () => readonly Part[];
}

function partsOf(desc: DescMessage): Part[] {
  return desc.fields.map((field) => {
    const { number } = field;
    if (field.fieldKind === "map") {
      const key: Part = { number: 1, wires: [wireOf(field.mapKey)], inside: () => [] };
      return { number, wires: [2], inside: () => [key, { number: 2, wires: wiresOf(field), inside: () => insideOf(field) }] };
    }
    return { number, wires: wiresOf(field), inside: () => insideOf(field) };
  });
}

function insideOf(field: DescField): readonly Part[] {
  return field.message === undefined ? [] : partsOf(field.message);
}

function wireOf(scalar: ScalarType | undefined): number {
  return (scalar === undefined ? undefined : wires[scalar]) ?? 0;
}

function wiresOf(field: DescField): number[] {
  if (field.message !== undefined) return ["delimitedEncoding" in field && field.delimitedEncoding ? 3 : 2];
  const wire = field.enum === undefined ? wireOf(field.scalar) : 0;
  return field.fieldKind === "list" && wire !== 2 ? [wire, 2] : [wire];
}

/**
 * Whether every known field has the wire type of its declaration: @bufbuild/protobuf reads on without looking at it, where
 * we, protobufjs and other languages pass over the field.
 */
function isWellTyped(parts: readonly Part[], reader: BinaryReader, end: number): boolean {
  while (reader.at < end) {
    const tag = reader.tag();
    const part = parts.find(({ number }) => number === tag >>> 3);
    if ((tag & 7) === 4) return true;
    if (part === undefined) {
      reader.skip(tag);
      continue;
    }
    if (!part.wires.includes(tag & 7)) return false;
    const inside = part.inside();
    if ((tag & 7) === 3) {
      if (!isWellTyped(inside, reader, end)) return false;
    } else if (inside.length === 0) reader.skip(tag);
    else if (!isWellTyped(inside, reader, reader.span())) return false;
  }
  return true;
}

test(`cut or damaged messages end in a value or a Fault, and mean the same to all who accept them (seed ${seed})`, () => {
  const counts: Record<Verdict, number> = { taken: 0, refused: 0, outvoted: 0 };
  for (const [index, subject] of subjects.entries()) {
    const random = randomFrom(seed + 30_000 + index);
    for (let round = 0; round < 2; round++) {
      const bytes = subject.ours.toBinary(randomMessage(subject.desc, { random, types })).slice();
      if (bytes.length > 250) continue;
      for (let length = 0; length < bytes.length; length++) counts[judge(subject, bytes.subarray(0, length))]++;
      for (let bit = 0; bit < 8 * bytes.length; bit++) {
        const flipped = bytes.slice();
        flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
        counts[judge(subject, flipped)]++;
      }
    }
  }
  assert.ok(counts.taken > 1000 && counts.refused > 1000 && counts.outvoted < counts.taken / 50, JSON.stringify(counts));
});
