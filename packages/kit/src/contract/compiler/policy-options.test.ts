import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { create, fromBinary } from "@bufbuild/protobuf";
import type { FileDescriptorProto } from "@bufbuild/protobuf/wkt";
import { CodeGeneratorRequestSchema, FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { isFault } from "../../fault.ts";
import { policyKeys } from "../../policy/policy-keys.ts";
import { compileContracts } from "./compile.ts";
import { policyFields } from "./policy-options.ts";

const contractFolder = fileURLToPath(new URL("..", import.meta.url));
const buf = join(dirname(fileURLToPath(import.meta.resolve("@bufbuild/buf/package.json"))), "bin", "buf");

/** Contracts given as text, read by buf beside Weir's options, in one go: buf takes a second. */
function readTexts(texts: Readonly<Record<string, string>>): FileDescriptorProto[] {
  const folder = mkdtempSync(join(tmpdir(), "weir-policies-"));
  try {
    writeFileSync(join(folder, "buf.yaml"), "version: v2\n");
    mkdirSync(join(folder, "weir"));
    cpSync(join(contractFolder, "weir/options.proto"), join(folder, "weir/options.proto"));
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), text);
    const image = execFileSync(process.execPath, [buf, "build", "-o", "-"], { cwd: folder, maxBuffer: 1 << 26 });
    return fromBinary(FileDescriptorSetSchema, image).file;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function contract(name: string, service: string): string {
  return `syntax = "proto3";\npackage ${name};\nimport "weir/options.proto";\nmessage Q {}\nservice S {\n${service}\n}\n`;
}

const repeatable = "option idempotency_level = IDEMPOTENT;";
const everything = `{
  timeout: "2s" retry: 2 attempt_timeout: "500ms"
  backoff: {min: "10ms" max: "1m" budget_ratio: 0.2 budget_per_second_min: 5} hedge: {delay: "50ms" attempts_max: 3}
  breaker: {kind: "classic" window: "5s" calls_min: 5 factor: 2 probe: "500ms" failure_ratio_max: 0.3 open: "2s" trials_min: 1}
  rate: {per_second: 100 burst: 20} bulkhead: {concurrency_max: 64 queue_max: 0 wait_max: "100ms"}
  server: {lane: "bulk" rate: {per_second: 50 burst: 5} rate_per: "peer" bulkhead: {concurrency_max: 8 queue_max: 16}}
}`;
const refused: readonly (readonly [name: string, service: string, expected: RegExp])[] = [
  [
    "word",
    'rpc M(Q) returns (Q) {\noption (weir.policy) = {breaker: {kind: "clever"}}; }',
    /^word\.proto:6: .*expected one of "adaptive", "classic", "off" as breaker\.kind, found "clever"/,
  ],
  [
    "time",
    '\nrpc M(Q) returns (Q) { option (weir.policy) = {breaker: {window: "10"}}; }',
    /^time\.proto:7: .*expected a time like "800ms", 100 to 3600000 ms, as breaker\.window, found "10"/,
  ],
  [
    "range",
    "rpc M(Q) returns (Q) { option (weir.policy) = {bulkhead: {concurrency_max: 2000000}}; }",
    /^range\.proto:6: .*expected a whole number from 1 to 1000000, or 0 for none as bulkhead\.concurrency_max, found 2000000/,
  ],
  [
    "hedged",
    'rpc M(Q) returns (Q) { option (weir.policy) = {hedge: {delay: "10ms"}}; }',
    /^hedged\.proto:6: .*expected hedge only on a method with an idempotency_level, found 10/,
  ],
  [
    "waits",
    `rpc M(Q) returns (Q) { ${repeatable} option (weir.policy) = {backoff: {min: "5s"}}; }`,
    /^waits\.proto:6: .*backoffMsMax: expected at least backoffMsMin, which is 5000, found 1000/,
  ],
  [
    "service",
    'option (weir.policies) = {server: {lane: "slow"}};\nrpc M(Q) returns (Q);',
    /^service\.proto:5: \(weir\.policies\) of service .*as server\.lane, found "slow"/,
  ],
];

test("policies of a contract become plain data of its methods, and a value that cannot be is refused with its line", async (context) => {
  const inherited = `option (weir.policies) = ${everything};\nrpc Read(Q) returns (Q) { ${repeatable} option (weir.policy) = {timeout: "1s" retry: 0}; }\nrpc Write(Q) returns (Q);`;
  const files = readTexts({
    "all.proto": contract("all", `rpc M(Q) returns (Q) { ${repeatable} option (weir.policy) = ${everything}; }`),
    "inherited.proto": contract("inherited", inherited),
    ...Object.fromEntries(refused.map(([name, service]) => [`${name}.proto`, contract(name, service)])),
  });
  const compile = (name: string): string => {
    const request = create(CodeGeneratorRequestSchema, { protoFile: files, fileToGenerate: [`${name}.proto`] });
    return compileContracts(request, { files: {}, packages: [] })[0]?.text ?? "";
  };
  const client =
    "client: { attemptTimeoutMs: 500, retry: { backoffMsMin: 10, backoffMsMax: 60000, budgetRatio: 0.2, budgetPerSecondMin: 5 }, HEDGE" +
    'breaker: { kind: "classic", windowMs: 5000, callsMin: 5, factor: 2, probeMs: 500, failureRatioMax: 0.3, openMs: 2000, trialsMin: 1 }, ' +
    "rate: { perSecond: 100, burst: 20 }, bulkhead: { concurrencyMax: 64, queueMax: 0, waitMsMax: 100 } }";
  const server = 'server: { lane: "bulk", rate: { perSecond: 50, burst: 5, per: "peer" }, bulkhead: { concurrencyMax: 8, queueMax: 16 } }';
  const hedge = "hedge: { delayMs: 50, attemptsMax: 3 }, ";
  await context.test("every value of a method", () => {
    const text = compile("all");
    for (const line of ["timeoutMs: 2000,", "retries: 2,", `policy: { ${client.replace("HEDGE", hedge)}, ${server} },`])
      assert.ok(text.includes(`      ${line}\n`), `${line}\n${text}`);
  });
  await context.test("those of the service hold for its methods, and what repeats a call for those that may be repeated", () => {
    const [read = "", write = ""] = compile("inherited").split('localName: "write"');
    assert.match(read, /timeoutMs: 1000,\n\s+retries: 0,\n/);
    assert.ok(read.includes(client.replace("HEDGE", hedge)), read);
    assert.match(write, /timeoutMs: 2000,\n\s+policy:/);
    assert.ok(write.includes(client.replace("HEDGE", "")), write);
  });
  for (const [name, , expected] of refused) {
    await context.test(`${name}.proto`, () => {
      assert.throws(
        () => compile(name),
        (thrown) => isFault(thrown) && thrown.reason === "CONTRACT_INVALID" && expected.test(thrown.message),
      );
    });
  }
});

test("a contract may say every value that there is", () => {
  assert.deepEqual(Object.values(policyFields).toSorted(), Object.keys(policyKeys).toSorted());
});
