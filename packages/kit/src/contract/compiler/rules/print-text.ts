import type { DescField } from "@bufbuild/protobuf";
import type { JsonScope } from "../json-scope.ts";
import { patternFrom } from "./pattern.ts";
import type { Broken, Notation } from "./print-number.ts";
import { brokenLists } from "./print-number.ts";
import type { Rules } from "./rules.ts";
import { refuse } from "./rules.ts";

/** What the text, or its bytes, has to be, by the name of the rule: which function says so, and how the rule is told. */
const formats: Readonly<Record<string, readonly [call: string, door: "text" | "address" | "uri", meaning: string]>> = {
  email: ["isEmail(@)", "text", "email address"],
  hostname: ["isHostname(@)", "text", "hostname"],
  ip: ["isIp(@)", "address", "IP address"],
  ipv4: ["isIp(@, 4)", "address", "IPv4 address"],
  ipv6: ["isIp(@, 6)", "address", "IPv6 address"],
  uri: ["isUri(@)", "uri", "URI"],
  uriRef: ["isUriRef(@)", "uri", "URI Reference"],
  address: ["isAddress(@)", "text", "hostname, or ip address"],
  uuid: ["isUuid(@)", "text", "UUID"],
  tuuid: ["isTuuid(@)", "text", "trimmed UUID"],
  ipWithPrefixlen: ["isIpPrefix(@)", "address", "IP prefix"],
  ipv4WithPrefixlen: ["isIpPrefix(@, { version: 4 })", "address", "IPv4 address with prefix length"],
  ipv6WithPrefixlen: ["isIpPrefix(@, { version: 6 })", "address", "IPv6 address with prefix length"],
  ipPrefix: ["isIpPrefix(@, { strict: true })", "address", "IP prefix"],
  ipv4Prefix: ["isIpPrefix(@, { version: 4, strict: true })", "address", "IPv4 prefix"],
  ipv6Prefix: ["isIpPrefix(@, { version: 6, strict: true })", "address", "IPv6 prefix"],
  hostAndPort: ["isHostAndPort(@)", "text", "host (hostname or IP address) and port pair"],
  ulid: ["isUlid(@)", "text", "ULID"],
  protobufFqn: ["isProtobufFqn(@)", "text", "fully-qualified Protobuf name"],
  protobufDotFqn: ["isProtobufDotFqn(@)", "text", "fully-qualified Protobuf name with a leading dot"],
};

const byteFormats: Readonly<Record<string, readonly [when: string, meaning: string]>> = {
  ip: ["@.length !== 4 && @.length !== 16", "IP address"],
  ipv4: ["@.length !== 4", "IPv4 address"],
  ipv6: ["@.length !== 16", "IPv6 address"],
  uuid: ["@.length !== 16", "UUID"],
};

const texts: Notation = { code: (value) => JSON.stringify(value), text: String };

/** Where rules are turned into code. */
export interface Printing {
  readonly code: string;
  readonly field: DescField;
  readonly json: JsonScope;
}

/** The rules of a string. */
export function brokenText(rules: Rules, { code, field, json }: Printing): Broken[] {
  const broken: Broken[] = [];
  const add = (when: string, id: string, message: string): void => void broken.push({ when, id: `string.${id}`, message });
  const kit = (door: string, name: string): string => json.scope.kit(`contract/validation-${door}`, name, "value");
  const given = (name: string, use: (value: never) => void): void => {
    if (rules[name] !== undefined) use(rules[name] as never);
  };
  const characters = (): string => `${kit("text", "charactersIn")}(${code})`;
  const bytes = (): string => `${kit("text", "utf8BytesIn")}(${code})`;
  given("const", (value: string) => add(`${code} !== ${JSON.stringify(value)}`, "const", `must equal \`${value}\``));
  given("len", (value: bigint) => add(`${characters()} !== ${value}`, "len", `must be ${value} characters`));
  // A character is one or two units and up to four bytes: most texts need not be counted.
  given("minLen", (value: bigint) =>
    add(`${code}.length < ${2n * value} && ${characters()} < ${value}`, "min_len", `must be at least ${value} characters`),
  );
  given("maxLen", (value: bigint) =>
    add(`${code}.length > ${value} && ${characters()} > ${value}`, "max_len", `must be at most ${value} characters`),
  );
  given("lenBytes", (value: bigint) => add(`${bytes()} !== ${value}`, "len_bytes", `must be ${value} bytes`));
  given("minBytes", (value: bigint) =>
    add(`${code}.length < ${value} && ${bytes()} < ${value}`, "min_bytes", `must be at least ${value} bytes`),
  );
  given("maxBytes", (value: bigint) =>
    add(`${code}.length > ${value / 3n} && ${bytes()} > ${value}`, "max_bytes", `must be at most ${value} bytes`),
  );
  given("pattern", (value: string) => {
    const { name, lengthMax } = patternOf(value, rules, { field, json });
    const mayTry = lengthMax === undefined ? "" : `${characters()} <= ${lengthMax} && `;
    add(`${mayTry}!${name}.test(${code})`, "pattern", `does not match regex pattern \`${value}\``);
  });
  given("prefix", (value: string) => add(`!${code}.startsWith(${JSON.stringify(value)})`, "prefix", `does not have prefix \`${value}\``));
  given("suffix", (value: string) => add(`!${code}.endsWith(${JSON.stringify(value)})`, "suffix", `does not have suffix \`${value}\``));
  given("contains", (value: string) =>
    add(`!${code}.includes(${JSON.stringify(value)})`, "contains", `does not contain substring \`${value}\``),
  );
  given("notContains", (value: string) =>
    add(`${code}.includes(${JSON.stringify(value)})`, "not_contains", `contains substring \`${value}\``),
  );
  broken.push(...brokenLists(rules, { code, kind: "string", notation: texts }));
  given("wellKnown", ({ case: name, value }: { case: string; value: unknown }) =>
    broken.push(...brokenFormat(name, value, { rules, code, kit, field })),
  );
  return broken;
}

interface Format {
  readonly rules: Rules;
  readonly code: string;
  readonly field: DescField;
  kit(door: string, name: string): string;
}

function brokenFormat(name: string, value: unknown, { rules, code, kit, field }: Format): Broken[] {
  if (name === "wellKnownRegex") return brokenHeader(value, rules["strict"] !== false, { code, kit });
  const [call, door, meaning] = formats[name] ?? [];
  if (call === undefined || door === undefined || meaning === undefined) throw refuse(field, "a format of text that Weir knows", name);
  if (value !== true) return [];
  const id = `string.${snakeCase(name)}`;
  const checked = `${kit(door, call.slice(0, call.indexOf("(")))}${call.slice(call.indexOf("(")).replace("@", code)}`;
  if (name === "uriRef") return [{ when: `!${checked}`, id, message: `must be a valid ${meaning}` }];
  return [emptyOf(`${code} === ""`, id, meaning), { when: `${code} !== "" && !${checked}`, id, message: `must be a valid ${meaning}` }];
}

function brokenHeader(value: unknown, strict: boolean, { code, kit }: { code: string; kit: Format["kit"] }): Broken[] {
  const id = "string.well_known_regex.header";
  if (value === 1) {
    const checked = `${kit("text", "isHeaderName")}(${code}, ${strict})`;
    return [
      emptyOf(`${code} === ""`, `${id}_name`, "HTTP header name"),
      { when: `${code} !== "" && !${checked}`, id: `${id}_name`, message: "must be a valid HTTP header name" },
    ];
  }
  if (value !== 2) return [];
  return [
    { when: `!${kit("text", "isHeaderValue")}(${code}, ${strict})`, id: `${id}_value`, message: "must be a valid HTTP header value" },
  ];
}

/** The rules of bytes. */
export function brokenBytes(rules: Rules, { code, field, json }: Printing): Broken[] {
  const broken: Broken[] = [];
  const add = (when: string, id: string, message: string): void => void broken.push({ when, id: `bytes.${id}`, message });
  const kit = (name: string): string => json.scope.kit("contract/validation-values", name, "value");
  const constant = (value: Uint8Array): string =>
    constantOf(`${kit("bytesOf")}(${JSON.stringify(String.fromCharCode(...value))})`, field, json);
  const hex = (value: Uint8Array): string => [...value].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const given = (name: string, use: (value: never) => void): void => {
    if (rules[name] !== undefined) use(rules[name] as never);
  };
  given("const", (value: Uint8Array) => add(`!${kit("isSameBytes")}(${code}, ${constant(value)})`, "const", `must be ${hex(value)}`));
  given("len", (value: bigint) => add(`${code}.length !== ${value}`, "len", `must be ${value} bytes`));
  given("minLen", (value: bigint) => add(`${code}.length < ${value}`, "min_len", `must be at least ${value} bytes`));
  given("maxLen", (value: bigint) => add(`${code}.length > ${value}`, "max_len", `must be at most ${value} bytes`));
  given("pattern", (value: string) => {
    const { name, lengthMax } = patternOf(value, rules, { field, json });
    const mayTry = lengthMax === undefined ? "" : `${code}.length <= ${lengthMax} && `;
    add(`${mayTry}!${kit("matchesBytes")}(${code}, ${name})`, "pattern", `must match regex pattern \`${value}\``);
  });
  given("prefix", (value: Uint8Array) =>
    add(`!${kit("beginsWith")}(${code}, ${constant(value)})`, "prefix", `does not have prefix ${hex(value)}`),
  );
  given("suffix", (value: Uint8Array) =>
    add(`!${kit("finishesWith")}(${code}, ${constant(value)})`, "suffix", `does not have suffix ${hex(value)}`),
  );
  given("contains", (value: Uint8Array) =>
    add(`!${kit("holdsBytes")}(${code}, ${constant(value)})`, "contains", `does not contain ${hex(value)}`),
  );
  const listed = (values: readonly Uint8Array[]): string =>
    values.map((value) => `${kit("isSameBytes")}(${code}, ${constant(value)})`).join(" || ");
  const text = (values: readonly Uint8Array[]): string => `[${values.map((value) => new TextDecoder().decode(value)).join(", ")}]`;
  given("in", (values: readonly Uint8Array[]) => add(`!(${listed(values)})`, "in", `must be in list ${text(values)}`));
  given("notIn", (values: readonly Uint8Array[]) => add(listed(values), "not_in", `must not be in list ${text(values)}`));
  given("wellKnown", ({ case: name, value }: { case: string; value: boolean }) => {
    const [when, meaning] = byteFormats[name] ?? [];
    if (when === undefined || meaning === undefined) throw refuse(field, "a format of bytes that Weir knows", name);
    if (!value) return;
    broken.push(emptyOf(`${code}.length === 0`, `bytes.${name}`, meaning));
    add(`${code}.length !== 0 && ${when.replaceAll("@", code)}`, name, `must be a valid ${meaning}`);
  });
  return broken;
}

function emptyOf(when: string, id: string, meaning: string): Broken {
  return { when, id: `${id}_empty`, message: `value is empty, which is not a valid ${meaning.replace(" (hostname or IP address)", "")}` };
}

/** The name of a constant that holds the pattern. A text beyond `lengthMax` breaks another rule, and must not be tried. */
function patternOf(
  source: string,
  rules: Rules,
  { field, json }: Omit<Printing, "code">,
): { readonly name: string; readonly lengthMax: number | undefined } {
  const lengths = ["len", "maxLen", "lenBytes", "maxBytes"].flatMap((name) => (rules[name] === undefined ? [] : [Number(rules[name])]));
  const found = patternFrom(source, lengths.length > 0 ? Math.min(...lengths) : undefined);
  if (found.problem !== undefined)
    throw refuse(field, "a pattern that cannot be made to take long", `${JSON.stringify(source)}, ${found.problem}`);
  const name = constantOf(`new RegExp(${JSON.stringify(found.source)}, ${JSON.stringify(found.flags)})`, field, json);
  return { name, lengthMax: found.lengthMax };
}

/** The name of a constant of the file that holds what the code makes. */
function constantOf(code: string, field: DescField, { scope, constants }: JsonScope): string {
  const known = constants.get(code);
  if (known !== undefined) return known;
  const name = scope.fresh(`${field.parent.name.charAt(0).toLowerCase()}${field.parent.name.slice(1)}_${field.name}`);
  constants.set(code, name);
  return name;
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
