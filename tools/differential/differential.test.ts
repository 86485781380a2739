import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { test } from "node:test";
import { missingProxies } from "./backends.ts";
import type { Backend } from "./backends.ts";
import { corpus } from "./corpus.ts";
import { runDifferential } from "./differential.ts";
import { leniencies } from "./justified.ts";
import type { Passage } from "./judge.ts";
import { judge } from "./judge.ts";
import type { Laxness } from "./lax-forwarder.ts";
import { startLaxForwarder } from "./lax-forwarder.ts";
import { answerText, createNodeRecorder } from "./recorder.ts";
import { hidden, seen } from "./request-case.ts";
import { passCorpus } from "./run.ts";

const missing = missingProxies();
const skip = missing.length === 0 ? false : `needs ${missing.join(", ")}: eval "$(node tools/services.ts up)"`;

test("no request of the corpus is seen as two, or two as one, and what only our server takes is justified", { skip }, async (t) => {
  const report = await runDifferential((line) => t.diagnostic(line));
  assert.ok(report.cases >= 300, `${report.cases} cases`);
  assert.equal(report.passages.length, 5);
  for (const { backend, findings, seen: count } of report.passages) {
    assert.deepEqual(findings, [], backend);
    assert.ok(count > 100, `${backend} counted ${count} requests: the corpus did not get through`);
  }
  const unjustified = report.leniencies.filter(({ rule }) => rule === undefined);
  assert.deepEqual(unjustified, []);
});

test("every case of the corpus has a name of its own", () => {
  const ids = corpus().map(({ id }) => id);
  assert.equal(new Set(ids).size, ids.length);
});

/** What the judge says of a careless forwarder, when nothing is known of what the client meant. */
async function findingsOf(t: TestContext, laxness: Laxness): Promise<string[]> {
  const backend: Backend = { name: "node:http", ...(await createNodeRecorder()) };
  const forwarder = await startLaxForwarder(backend.port, laxness);
  t.after(async () => {
    await forwarder.stop();
    await backend.stop();
  });
  const names = ["two GETs", "POST in chunks and GET", "a request in a body and GET"].map((name) => `pairs: ${name}`);
  const behind = { id: "a request behind another", family: "", bytes: `GET /1 HTTP/1.1\r\nHost: a\r\n\r\n${hidden}` };
  const cases = [...corpus().filter(({ id }) => names.includes(id)), behind].map((one) => ({ ...one, expect: "any" as const }));
  const { findings } = await passCorpus(cases, forwarder, backend);
  return findings.map(({ id, message }) => `${id} · ${message}`);
}

test("a planted forwarder that does not know Transfer-Encoding is found out", async (t) => {
  const found = (await findingsOf(t, "length-only")).join("\n");
  assert.match(found, /pairs: POST in chunks and GET · the backend saw a request that the forwarder does not know: \[POST \/1 "hello" 5\]/);
});

test("a planted forwarder that sends on what it has not read is found out", async (t) => {
  const found = (await findingsOf(t, "first-only")).join("\n");
  assert.match(found, /pairs: two GETs · the backend saw \[GET \/2 "" 0\] with the id ""/);
  assert.match(found, /a request behind another · the backend saw a smuggled request/);
});

test("a planted forwarder that gives answers to the wrong requests is found out", async (t) => {
  const found = (await findingsOf(t, "mixes")).join("\n");
  assert.match(found, /the next request got (GET|POST|nothing)/);
});

const get = { ...seen("GET", "/1"), requestId: "r1" };
const calm: Passage = {
  one: { id: "x", family: "x", bytes: "", expect: [seen("GET", "/1")] },
  believed: [seen("GET", "/1")],
  lines: [{ requestId: "r1", status: 200, attempts: 1 }],
  seen: [get],
  answer: `HTTP/1.1 200 OK\r\n\r\n${answerText(get)}`,
  probe: { target: "/probe-1", answer: answerText(seen("GET", "/probe-1")) },
};

const planted: readonly (readonly [string, Partial<Passage>, RegExp])[] = [
  ["a smuggled request", { seen: [get, { ...seen("GET", "/smuggled"), requestId: "" }] }, /a smuggled request/],
  ["one request that was seen twice", { seen: [get, get] }, /does not know/],
  ["two requests that were seen as one", { seen: [] }, /answered 200, and the backend never counted it/],
  ["another body", { seen: [{ ...get, body: hidden }] }, /does not know/],
  ["another target", { seen: [{ ...get, target: "/2" }] }, /does not know/],
  [
    "a request that the client did not send",
    { one: { ...calm.one, expect: "refused" } },
    /the client sent \[\], the forwarder took it for/,
  ],
  ["an answer of somebody else", { answer: answerText(seen("GET", "/2")) }, /those of GET \/1 0 are its own/],
  ["a next request that is answered wrong", { probe: { target: "/probe-1", answer: answerText(get) } }, /the next request got GET \/1 0/],
  ["a next request that is not answered", { probe: { target: "/probe-1", answer: "" } }, /the next request got nothing/],
];

test("the judge says nothing of a calm passage", () => {
  assert.deepEqual(judge(calm), []);
});

for (const [name, change, message] of planted) {
  test(`the judge finds ${name}`, () => {
    const found = judge({ ...calm, ...change });
    assert.match(found.map((one) => one.message).join("\n"), message);
  });
}

test("the judge finds a request that overtakes one whose method is not safe", () => {
  const believed = [seen("POST", "/1", "x"), seen("GET", "/2")];
  const [post, later] = believed.map((one, index) => ({ ...one, requestId: `r${index}` }));
  const lines = ["r0", "r1"].map((requestId) => ({ requestId, status: 200, attempts: 1 }));
  const one = { ...calm.one, expect: "any" as const };
  const found = judge({ ...calm, one, believed, lines, seen: [later!, post!], answer: "" });
  assert.match(found.map(({ message }) => message).join("\n"), /saw \[POST \/1 "x" 1\] after one that the client sent later/);
});

test("what only our server takes is listed, and without a rule when nobody has justified it", () => {
  const taken = { seen: [seen("GET", "/")], status: 200 };
  const refused = { seen: [], status: 400 };
  const views = [[{ server: "nginx", ...refused }], [{ server: "weir", ...taken }]];
  assert.deepEqual(leniencies(["line ends: LF"], views), [{ id: "line ends: LF", refusedBy: ["nginx"], rule: undefined, why: undefined }]);
  assert.equal(leniencies(["target: OPTIONS *"], views)[0]?.rule, "RFC 9112 §3.2.4");
});
