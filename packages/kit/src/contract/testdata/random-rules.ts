import type { Random } from "./random-message.ts";
import { oneOf as pick } from "./random-message.ts";

/** A field with rules, and values that come near to breaking them. */
export interface RuledField {
  /** Without its number: "int32 f1", its options behind it. */
  readonly type: string;
  readonly rules: string;
  readonly value: (random: Random) => unknown;
}

const chance = (random: Random, share: number): boolean => random() < share;

const smalls = [-3, -2, -1, 0, 1, 2, 3, 4, 5];
const texts = [
  "",
  "a",
  "ab",
  "abc",
  "abcd",
  "b",
  "xay",
  "é",
  "né",
  "𝑎𝑏",
  "𝑎",
  "ba\n",
  "A",
  "a b",
  "user@example.com",
  "user@",
  "a@b",
  "x@-a.com",
  "example.com",
  "example.com.",
  "-a.com",
  "1.2.3",
  "a.1",
  "a_b",
  "127.0.0.1",
  "256.1.1.1",
  "01.2.3.4",
  "::1",
  "::",
  "1::2::3",
  "fe80::a%en1",
  "fe80::a%",
  "::ffff:1.2.3.4",
  "1:2:3:4:5:6:7:8",
  "1:2:3:4:5:6:7",
  "1:2:3:4:5:6:7::",
  "12345::",
  "[::1]:80",
  "[::1]",
  "a:80",
  "a:080",
  "a:65536",
  "1.2.3.4:0",
  ":80",
  "a:",
  "10.0.0.0/8",
  "10.0.0.1/8",
  "10.0.0.0/33",
  "2001:db8::/32",
  "2001:db8::1/32",
  "::/0",
  "::/129",
  "1.2.3.4/0",
  "0.0.0.0/0",
  "http://a/b?c#d",
  "http://",
  "a:",
  "mailto:x",
  "//host/p",
  "/p?q",
  "a b:c",
  "http://[::1]:80/",
  "http://[::1%25en]/",
  "http://u@h:1/",
  "1a:b",
  "%zz",
  "x/y:z",
  "x:y/z",
  "http://a b",
  "http://%ff/",
  "#",
  "?",
  "foo/bar",
  "http://[v1.x]/",
  "http://[1]/",
  "//[::1",
  "http://a:b/",
  "a://b@c@d",
  "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
  "6ba7b8109dad11d180b400c04fd430c8",
  "6ba7b810-9dad-11d1-80b4-00c04fd430cg",
  "01ARZ3NDEKTSV4RRFFQ69G5FAV",
  "81ARZ3NDEKTSV4RRFFQ69G5FAV",
  "pkg.Name",
  ".pkg.Name",
  "pkg..Name",
  "1pkg",
  ":path",
  "x-header",
  "bad header",
  "tab\tvalue",
  "nul\0",
  "line\nbreak",
] as const;
const bytes = ["", "a", "ab", "abc", "1234", "0123456789abcdef", "\xff", "xab", "abx"];
const patterns = [
  "^a",
  "a$",
  "^[a-z]+$",
  "^[a-z]+(-[a-z]+)*$",
  "^(a|b)c?",
  "^\\\\d{2,3}$",
  "[^a]",
  "^.$",
  "^\\\\w+@\\\\w+$",
  "(?i)^A",
  "^\\\\S*$",
  "a{2}",
  "^[[:alpha:]]*$",
  "^\\\\x61",
  "^(?:ab){1,2}$",
];
const formats = [
  "email",
  "hostname",
  "ip",
  "ipv4",
  "ipv6",
  "uri",
  "uri_ref",
  "address",
  "uuid",
  "tuuid",
  "ip_with_prefixlen",
  "ipv4_with_prefixlen",
  "ipv6_with_prefixlen",
  "ip_prefix",
  "ipv4_prefix",
  "ipv6_prefix",
  "host_and_port",
  "ulid",
  "protobuf_fqn",
  "protobuf_dot_fqn",
];
const wholeKinds = ["int32", "sint32", "sfixed32", "uint32", "fixed32", "int64", "sint64", "sfixed64", "uint64", "fixed64"];
const wrappers: Readonly<Record<string, string>> = {
  int32: "Int32Value",
  uint32: "UInt32Value",
  int64: "Int64Value",
  uint64: "UInt64Value",
  double: "DoubleValue",
  float: "FloatValue",
  string: "StringValue",
  bytes: "BytesValue",
  bool: "BoolValue",
};

const marks = ["", ":", "/", "?", "#", "[", "]", "@", "%", ".", "-", "_", "a", "0", "g", "9", " "];

/** A text of the list, or one that differs a little. */
function textNear(random: Random): string {
  let text: string = pick(random, texts);
  while (chance(random, 0.4)) {
    const at = Math.floor(random() * (text.length + 1));
    text = text.slice(0, at) + pick(random, marks) + text.slice(at + (chance(random, 0.5) ? 1 : 0));
  }
  return text.isWellFormed() ? text : "";
}

/** A kind of scalar with random rules in the text form of protobuf, "gt: 3 lt: 5". */
export interface RuledScalar {
  readonly kind: string;
  readonly rules: string;
  readonly value: (random: Random) => unknown;
}

/** Any scalar. */
export function ruledScalar(random: Random): RuledScalar {
  const kind = pick(random, [...wholeKinds, "float", "double", "string", "string", "string", "string", "bytes", "bytes", "bool"]);
  if (kind === "string") return { kind, rules: textRules(random), value: textNear };
  if (kind === "bytes") return { kind, rules: bytesRules(random), value: (now) => Buffer.from(pick(now, bytes), "latin1") };
  if (kind === "bool") return { kind, rules: chance(random, 0.7) ? `const: ${chance(random, 0.5)}` : "", value: (now) => chance(now, 0.5) };
  const isUnsigned = kind.startsWith("u") || kind.startsWith("fixed");
  const isLong = kind.endsWith("64");
  const isReal = kind === "float" || kind === "double";
  const values = isUnsigned ? smalls.filter((value) => value >= 0) : smalls;
  const value = (now: Random): unknown => {
    const found = pick(now, values);
    if (isLong) return BigInt(found);
    return isReal ? pick(now, [found, found, found + 0.5, NaN, Infinity, -Infinity, -0]) : found;
  };
  return { kind, rules: numberRules(random, values, isReal), value };
}

function numberRules(random: Random, values: readonly number[], isReal: boolean): string {
  const rules: string[] = [];
  if (chance(random, 0.15)) rules.push(`const: ${pick(random, values)}`);
  if (chance(random, 0.5)) rules.push(`${pick(random, ["gt", "gte"])}: ${pick(random, values)}`);
  if (chance(random, 0.5)) rules.push(`${pick(random, ["lt", "lte"])}: ${pick(random, values)}`);
  if (chance(random, 0.2)) rules.push(`in: [${[pick(random, values), pick(random, values)].join()}]`);
  if (chance(random, 0.2)) rules.push(`not_in: [${[pick(random, values), pick(random, values)].join()}]`);
  if (isReal && chance(random, 0.3)) rules.push(`finite: ${chance(random, 0.8)}`);
  return rules.join(" ");
}

function textRules(random: Random): string {
  const rules: string[] = [];
  const text = (): string => JSON.stringify(pick(random, ["a", "ab", "b", "é", "𝑎", ""]));
  const size = (): number => Math.floor(random() * 5);
  if (chance(random, 0.1)) rules.push(`const: ${text()}`);
  for (const name of ["len", "min_len", "max_len", "len_bytes", "min_bytes", "max_bytes"])
    if (chance(random, 0.12)) rules.push(`${name}: ${size()}`);
  for (const name of ["prefix", "suffix", "contains", "not_contains"]) if (chance(random, 0.1)) rules.push(`${name}: ${text()}`);
  if (chance(random, 0.2)) rules.push(`pattern: "${pick(random, patterns)}" max_len: 60`);
  if (chance(random, 0.1)) rules.push(`in: [${text()}, ${text()}]`);
  if (chance(random, 0.1)) rules.push(`not_in: [${text()}, ${text()}]`);
  if (chance(random, 0.5)) rules.push(`${pick(random, formats)}: ${chance(random, 0.95)}`);
  else if (chance(random, 0.3)) {
    rules.push(
      `well_known_regex: KNOWN_REGEX_HTTP_HEADER_${pick(random, ["NAME", "VALUE"])}${chance(random, 0.4) ? ` strict: ${chance(random, 0.5)}` : ""}`,
    );
  }
  return withoutTwice(rules);
}

function bytesRules(random: Random): string {
  const rules: string[] = [];
  const text = (): string => pick(random, ['"a"', '"ab"', '"\\xff"', '""']);
  if (chance(random, 0.1)) rules.push(`const: ${text()}`);
  for (const name of ["len", "min_len", "max_len"]) if (chance(random, 0.15)) rules.push(`${name}: ${Math.floor(random() * 5)}`);
  for (const name of ["prefix", "suffix", "contains"]) if (chance(random, 0.1)) rules.push(`${name}: ${text()}`);
  if (chance(random, 0.1)) rules.push(`pattern: "${pick(random, patterns)}" max_len: 60`);
  if (chance(random, 0.1)) rules.push(`in: [${text()}, ${text()}]`);
  if (chance(random, 0.1)) rules.push(`not_in: [${text()}, ${text()}]`);
  if (chance(random, 0.3)) rules.push(`${pick(random, ["ip", "ipv4", "ipv6", "uuid"])}: ${chance(random, 0.9)}`);
  return withoutTwice(rules);
}

/** A pattern brings a max_len of its own. */
function withoutTwice(rules: readonly string[]): string {
  const joined = rules.join(" ");
  const first = joined.indexOf("max_len");
  return first === joined.lastIndexOf("max_len") ? joined : joined.replace(/max_len: \d+ ?/, "");
}

const ignores = ["", "", "", "", "ignore: IGNORE_IF_ZERO_VALUE", "ignore: IGNORE_ALWAYS"];

/** Any field: a scalar, an enum, a wrapper, a list, a map, a message of google.protobuf, or an `Inner`. */
export function ruledField(name: string, random: Random): RuledField {
  const more = (): string => [pick(random, ignores), chance(random, 0.15) ? "required: true" : ""].join(" ");
  const shape = pick(random, [
    "scalar",
    "scalar",
    "scalar",
    "optional",
    "wrapper",
    "enum",
    "list",
    "list",
    "map",
    "map",
    "google",
    "inner",
  ]);
  if (shape === "list" || shape === "map") return severalOf(name, shape, random, more());
  if (shape === "enum") {
    const optional = chance(random, 0.3) ? "optional " : "";
    return { type: `${optional}Kind ${name}`, rules: `${enumRules(random)} ${more()}`, value: (now) => pick(now, [0, 1, 2, 5]) };
  }
  if (shape === "inner") return { type: `Inner ${name}`, rules: more(), value: innerValue };
  if (shape === "google") return googleField(name, random, more());
  const scalar = ruledScalar(random);
  const rules = `${scalar.rules === "" ? "" : `${scalar.kind}: {${scalar.rules}}`} ${more()}`;
  const wrapper = wrappers[scalar.kind];
  if (shape === "wrapper" && wrapper !== undefined) {
    return { type: `google.protobuf.${wrapper} ${name}`, rules, value: (now) => (chance(now, 0.2) ? undefined : scalar.value(now)) };
  }
  if (shape === "optional") {
    return { type: `optional ${scalar.kind} ${name}`, rules, value: (now) => (chance(now, 0.2) ? undefined : scalar.value(now)) };
  }
  return { type: `${scalar.kind} ${name}`, rules, value: scalar.value };
}

const innerValue = (now: Random): unknown => (chance(now, 0.3) ? undefined : { id: pick(now, texts), count: pick(now, smalls) });

function enumRules(random: Random): string {
  const rules = [
    chance(random, 0.5) ? "defined_only: true" : "",
    chance(random, 0.2) ? `const: ${pick(random, [0, 1])}` : "",
    chance(random, 0.2) ? `in: [${pick(random, ["0,1", "1", "2,5"])}]` : "",
    chance(random, 0.2) ? `not_in: [${pick(random, ["0,1", "1", "2,5"])}]` : "",
  ].join(" ");
  return rules.trim() === "" ? "" : `enum: {${rules}}`;
}

function severalOf(name: string, shape: "list" | "map", random: Random, more: string): RuledField {
  const scalar = ruledScalar(random);
  const isInner = chance(random, 0.3);
  const inner = `{ ${!isInner && scalar.rules !== "" ? `${scalar.kind}: {${scalar.rules}}` : ""} ${pick(random, ignores)} }`;
  const bounds = (low: string, high: string): string =>
    [
      chance(random, 0.4) ? `${low}: ${Math.floor(random() * 3)}` : "",
      chance(random, 0.4) ? `${high}: ${Math.floor(random() * 3)}` : "",
    ].join(" ");
  const value = isInner ? (now: Random): unknown => innerValue(now) ?? { id: "", count: 0 } : scalar.value;
  const several = (now: Random): unknown[] => Array.from({ length: Math.floor(now() * 4) }, () => value(now));
  const type = isInner ? "Inner" : scalar.kind;
  if (shape === "list") {
    const unique = !isInner && chance(random, 0.4) ? "unique: true" : "";
    return {
      type: `repeated ${type} ${name}`,
      rules: `repeated: { ${bounds("min_items", "max_items")} ${unique} items: ${inner} } ${more}`,
      value: several,
    };
  }
  const key = pick(random, ["string", "int32", "uint64", "bool", "sint64"]);
  const keys = key === "string" ? ["a", "ab", "é", ""] : key === "bool" ? ["true", "false"] : ["0", "1", "2", "3"];
  const keyRules = key === "string" ? "string: {min_len: 2}" : key === "bool" ? "bool: {const: true}" : `${key}: {gt: 1}`;
  const map = (now: Random): unknown => Object.fromEntries(several(now).map((item) => [pick(now, keys), item]));
  const whole = `map: { ${bounds("min_pairs", "max_pairs")} keys: { ${chance(random, 0.5) ? keyRules : ""} ${pick(random, ignores)} } values: ${inner} }`;
  return { type: `map<${key}, ${type}> ${name}`, rules: `${whole} ${more}`, value: map };
}

function googleField(name: string, random: Random, more: string): RuledField {
  const kind = pick(random, ["Duration", "Timestamp", "Any", "FieldMask"]);
  if (kind === "Any") {
    const rules = `any: { ${pick(random, ["in", "not_in"])}: ["t/a", "t/b"] }`;
    const value = (now: Random): unknown => ({ typeUrl: pick(now, ["t/a", "t/c"]), json: undefined, value: new Uint8Array(0) });
    return { type: `google.protobuf.Any ${name}`, rules: `${rules} ${more}`, value };
  }
  if (kind === "FieldMask") {
    const rules = `field_mask: { ${pick(random, ['const: {paths: ["a", "b.c"]}', 'in: ["a", "b"]', 'not_in: ["a", "b"]'])} }`;
    const value = (now: Random): unknown => ({ paths: pick(now, [[], ["a"], ["a", "b.c"], ["bc"], ["c", "a.x"]]) });
    return { type: `google.protobuf.FieldMask ${name}`, rules: `${rules} ${more}`, value };
  }
  const span = (): string => `{seconds: ${pick(random, [0, 1, 2, 3])} nanos: ${pick(random, [0, 5])}}`;
  const rules = [
    chance(random, 0.1) ? `const: ${span()}` : "",
    chance(random, 0.5) ? `${pick(random, ["gt", "gte"])}: ${span()}` : "",
    chance(random, 0.5) ? `${pick(random, ["lt", "lte"])}: ${span()}` : "",
    chance(random, 0.2) && kind === "Duration" ? `in: [${span()}, ${span()}]` : "",
  ].join(" ");
  const value = (now: Random): unknown =>
    chance(now, 0.2) ? undefined : { seconds: BigInt(pick(now, [0, 1, 2, 3])), nanos: pick(now, [0, 4, 5, 6]) };
  return { type: `google.protobuf.${kind} ${name}`, rules: `${kind.toLowerCase()}: { ${rules} } ${more}`, value };
}
