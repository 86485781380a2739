import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { isFault } from "../fault.ts";
import { createMetrics } from "./metrics.ts";

interface ParsedFamily {
  type: string;
  help: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

/** Reads the text format character by character, written from its specification and not from the writer. */
function parsed(text: string): Map<string, ParsedFamily> {
  assert.ok(text.endsWith("\n"), "the last line must end with a line feed");
  const families = new Map<string, ParsedFamily>();
  const seen = new Set<string>();
  let current: ParsedFamily | undefined;
  let currentName = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (comment) {
      const [, kind, name = "", rest = ""] = comment;
      if (kind === "HELP") {
        assert.ok(!families.has(name), `${name} is described twice`);
        current = { type: "", help: rest, samples: [] };
        currentName = name;
        families.set(name, current);
      } else {
        assert.equal(name, currentName, "TYPE must follow its HELP");
        assert.match(rest, /^(counter|gauge|histogram)$/);
        (current as ParsedFamily).type = rest;
      }
      continue;
    }
    const sample = parsedSample(line);
    const key = `${sample.name}${Object.entries(sample.labels)
      .map(String)
      .toSorted((left, right) => (left < right ? -1 : 1))
      .join()}`;
    assert.ok(!seen.has(key), `${key} is there twice`);
    seen.add(key);
    const base = current?.type === "histogram" ? sample.name.replace(/_(bucket|sum|count)$/, "") : sample.name;
    assert.equal(base, currentName, "a sample must stand under its own family");
    current?.samples.push(sample);
  }
  return families;
}

function parsedSample(line: string): { name: string; labels: Record<string, string>; value: number } {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0] ?? assert.fail(`no name in ${line}`);
  let at = name.length;
  const labels: Record<string, string> = {};
  if (line[at] === "{") {
    at++;
    while (line[at] !== "}") {
      const label = /^[a-zA-Z_][a-zA-Z0-9_]*/.exec(line.slice(at))?.[0] ?? assert.fail(`no label at ${at} in ${line}`);
      at += label.length;
      assert.equal(line.slice(at, at + 2), '="');
      at += 2;
      let value = "";
      for (; line[at] !== '"'; at++) {
        assert.ok(at < line.length, `open quote in ${line}`);
        if (line[at] !== "\\") value += line[at];
        else value += { "\\": "\\", '"': '"', n: "\n" }[line[++at] ?? ""] ?? assert.fail(`unknown escape in ${line}`);
      }
      at++;
      labels[label] = value;
      if (line[at] === ",") at++;
    }
    at++;
  }
  const text = line.slice(at);
  assert.match(text, /^ (NaN|[+-]Inf|-?\d+(\.\d+)?(e[+-]?\d+)?)$/, line);
  return { name, labels, value: Number(text.replace("Inf", "Infinity")) };
}

const invalid = (error: unknown): boolean => isFault(error) && error.reason === "METRIC_INVALID";

test("metrics are written in the text format, read back by a parser of its own", () => {
  const metrics = createMetrics();
  const requests = metrics.counter({ name: "requests_total", help: "Requests.", labels: ["method", "code"] });
  requests.labels("Page", "OK").add();
  requests.labels("Page", "OK").add(2);
  requests.labels('a"b\\c\nd{,}=', "").add();
  metrics.gauge({ name: "temperature", help: "A line\nand a \\ backslash." }).set(-1.5e-7);
  const sizes = metrics.histogram({ name: "size_bytes", help: "Sizes.", labels: ["kind"], buckets: [1, 2.5, 10] });
  for (const size of [0.5, 1, 2, 3, 100]) sizes.labels("x").observe(size);
  metrics.histogram({ name: "plain_seconds", help: "Plain.", buckets: [0.1] }).observe(0.25);
  metrics
    .gauge({ name: "edge", help: "Edges.", labels: ["of"] })
    .labels("up")
    .set(Infinity);
  metrics
    .gauge({ name: "edge", help: "Edges.", labels: ["of"] })
    .labels("none")
    .set(Number.NaN);

  const families = parsed(metrics.text());
  assert.deepEqual(families.get("requests_total")?.samples, [
    { name: "requests_total", labels: { method: "Page", code: "OK" }, value: 3 },
    { name: "requests_total", labels: { method: 'a"b\\c\nd{,}=', code: "" }, value: 1 },
  ]);
  assert.equal(families.get("temperature")?.help, "A line\\nand a \\\\ backslash.");
  assert.equal(families.get("temperature")?.samples[0]?.value, -1.5e-7);
  assert.deepEqual(
    families.get("size_bytes")?.samples.map(({ name, labels, value }) => [name, labels["le"], value]),
    [
      ["size_bytes_bucket", "1", 2],
      ["size_bytes_bucket", "2.5", 3],
      ["size_bytes_bucket", "10", 4],
      ["size_bytes_bucket", "+Inf", 5],
      ["size_bytes_sum", undefined, 106.5],
      ["size_bytes_count", undefined, 5],
    ],
  );
  assert.equal(families.get("plain_seconds")?.samples.length, 4);
  assert.equal(families.get("edge")?.samples[0]?.value, Infinity);
  const promtool = spawnSync("promtool", ["check", "metrics"], { input: metrics.text() });
  if (promtool.error === undefined) assert.ok(!/error|parse/i.test(String(promtool.stderr)), String(promtool.stderr));
});

test("metric gives the same series for the same labels, so that a caller may hold it", () => {
  const metrics = createMetrics();
  const requests = metrics.counter({ name: "a_total", help: "A.", labels: ["x", "y"] });
  assert.equal(requests.labels("1", "2"), requests.labels("1", "2"));
  assert.notEqual(requests.labels("1", "2"), requests.labels("2", "1"));
  const again = metrics.counter({ name: "a_total", help: "A.", labels: ["x", "y"] });
  assert.equal(again.labels("1", "2"), requests.labels("1", "2"));
});

test("metric counts label sets beyond its bound as other, and says how many", () => {
  const metrics = createMetrics();
  const users = metrics.counter({ name: "users_total", help: "By user.", labels: ["user", "kind"], seriesMax: 10 });
  for (let index = 0; index < 100; index++) users.labels(`u${index}`, "x").add();
  const families = parsed(metrics.text());
  const samples = families.get("users_total")?.samples ?? [];
  assert.equal(samples.length, 11);
  assert.deepEqual(samples.at(-1), { name: "users_total", labels: { user: "other", kind: "other" }, value: 90 });
  assert.deepEqual(families.get("weir_metrics_series_dropped_total")?.samples, [
    { name: "weir_metrics_series_dropped_total", labels: { metric: "users_total" }, value: 90 },
  ]);
  users.labels("u3", "x").add();
  assert.equal(users.labels("u3", "x").value(), 2);
});

test("metric makes room when a series is removed, and shows it no longer", () => {
  const metrics = createMetrics();
  const endpoints = metrics.gauge({ name: "endpoint", help: "By endpoint.", labels: ["cluster", "address"], seriesMax: 2 });
  for (let index = 0; index < 50; index++) {
    endpoints.labels("feed", `127.0.0.1:${index}`).set(1);
    endpoints.remove("feed", `127.0.0.1:${index}`);
    endpoints.remove("feed", "never there");
    endpoints.remove("nor this", "one");
  }
  endpoints.labels("feed", "last").set(1);
  assert.deepEqual(
    parsed(metrics.text())
      .get("endpoint")
      ?.samples.map((sample) => sample.labels["address"]),
    ["last"],
  );
});

test("metric cuts long label values and never shows two series alike", () => {
  const metrics = createMetrics();
  const paths = metrics.counter({ name: "paths_total", help: "By path.", labels: ["path"] });
  paths.labels("x".repeat(1000)).add();
  paths.labels(`${"x".repeat(900)}y`).add();
  paths.labels("\ud800").add();
  paths.labels("\ud801").add();
  assert.deepEqual(
    parsed(metrics.text())
      .get("paths_total")
      ?.samples.map((sample) => [sample.labels["path"]?.length, sample.value]),
    [
      [256, 2],
      [1, 2],
    ],
  );
});

test("metrics run what sets gauges before they are written", () => {
  const metrics = createMetrics();
  const age = metrics.gauge({ name: "age_seconds", help: "Age." });
  let current = 0;
  metrics.beforeText(() => age.set(++current));
  metrics.text();
  assert.equal(parsed(metrics.text()).get("age_seconds")?.samples[0]?.value, 2);
});

test("metrics refuse what Prometheus would not take", () => {
  const metrics = createMetrics();
  const counter = metrics.counter({ name: "ok_total", help: "Ok.", labels: ["a"] });
  assert.throws(() => metrics.counter({ name: "1st", help: "" }), invalid);
  assert.throws(() => metrics.counter({ name: "a-b", help: "" }), invalid);
  assert.throws(() => metrics.counter({ name: "a", help: "", labels: ["__b"] }), invalid);
  assert.throws(() => metrics.counter({ name: "a", help: "", labels: ["b", "b"] }), invalid);
  assert.throws(() => metrics.histogram({ name: "h", help: "", labels: ["le"] }), invalid);
  assert.throws(() => metrics.histogram({ name: "h", help: "", buckets: [2, 1] }), invalid);
  assert.throws(() => metrics.histogram({ name: "h", help: "", buckets: [1, Infinity] }), invalid);
  assert.throws(() => metrics.gauge({ name: "ok_total", help: "Ok.", labels: ["a"] }), invalid);
  assert.throws(() => metrics.counter({ name: "ok_total", help: "Ok.", labels: ["b"] }), invalid);
  assert.throws(() => counter.labels(), invalid);
  assert.throws(() => counter.labels("a", "b"), invalid);
  assert.throws(() => counter.add(), invalid);
  assert.throws(() => counter.remove(), invalid);
  assert.throws(() => counter.labels("a").add(-1), invalid);
});
