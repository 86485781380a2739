// Chromium at the other end: what a browser sends, compresses and closes.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import process from "node:process";
import { test } from "node:test";
import { chromium } from "playwright-core";
import { echoServer } from "./fixtures/echo-server.ts";

const executablePath = process.env["WEIR_CHROMIUM"] ?? "/usr/bin/chromium";
const skip = existsSync(executablePath) ? false : `no Chromium at ${executablePath}; install it or name another one in WEIR_CHROMIUM`;

/** What the page found; it runs in the browser. */
interface Found {
  readonly extensions: string;
  readonly protocol: string;
  readonly echoes: readonly boolean[];
  readonly close: readonly [number, string, boolean];
}

// As text, since it is the browser's and not Node's.
const page = `async (url) => {
  const socket = new WebSocket(url, ["weir.two", "weir.one"]);
  socket.binaryType = "arraybuffer";
  const next = (type) => new Promise((resolve, reject) => {
    socket.addEventListener(type, resolve, { once: true });
    socket.addEventListener("error", () => reject(new Error("the socket failed")), { once: true });
  });
  await next("open");
  const noise = new Uint8Array(200000);
  for (let at = 0; at < noise.length; at += 65536) crypto.getRandomValues(noise.subarray(at, at + 65536));
  const echoes = [];
  for (const sent of ["", "Hello", "κόσμε".repeat(30000), noise, new Uint8Array(0)]) {
    const came = next("message");
    socket.send(sent);
    const { data } = await came;
    if (typeof sent === "string") echoes.push(data === sent);
    else echoes.push(new Uint8Array(data).every((byte, at) => byte === sent[at]) && data.byteLength === sent.length);
  }
  const many = [];
  const all = new Promise((resolve) => socket.addEventListener("message", ({ data }) => { if (many.push(data) === 1000) resolve(); }));
  for (let count = 0; count < 1000; count++) socket.send("message " + count);
  await all;
  echoes.push(many.every((data, count) => data === "message " + count));
  const closed = next("close");
  socket.close(4321, "enough");
  const { code, reason, wasClean } = await closed;
  return { extensions: socket.extensions, protocol: socket.protocol, echoes, close: [code, reason, wasClean] };
}`;

test("Chromium gets back what it sent, plain and compressed, and closes cleanly", { skip, timeout: 60_000 }, async (t) => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
  t.after(() => browser.close());
  for (const deflate of [false, true, { thresholdBytes: 0, contextTakeover: true }]) {
    for (const path of ["/", "/pull"]) {
      const server = await echoServer(t, { deflate, protocols: ["weir.one"] });
      const tab = await browser.newPage();
      await tab.goto(`http://127.0.0.1:${server.port}/`);
      const found = (await tab.evaluate(`(${page})(${JSON.stringify(server.url + path)})`)) as Found;
      const compressed = found.extensions.includes("permessage-deflate");
      assert.deepEqual([compressed, found.protocol], [deflate !== false, "weir.one"]);
      assert.deepEqual(
        found.echoes,
        Array.from(found.echoes, () => true),
      );
      assert.deepEqual(found.close, [4321, "", true]);
      assert.deepEqual(await server.sessions[0]?.whenClosed, { code: 4321, reason: "enough", clean: true, error: undefined });
      await tab.close();
    }
  }
});

test("Chromium is closed by us with a code and a reason, and a page of another origin is refused", { skip, timeout: 60_000 }, async (t) => {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu", "--no-first-run"] });
  t.after(() => browser.close());
  const [server, other] = [await echoServer(t), await echoServer(t)];
  const tab = await browser.newPage();
  await tab.goto(`http://127.0.0.1:${server.port}/`);
  const closing = tab.evaluate(
    `new Promise((resolve) => { const s = new WebSocket(${JSON.stringify(server.url)}); s.onopen = () => s.send("x"); s.onclose = (e) => resolve([e.code, e.reason, e.wasClean]); s.onmessage = () => s.send("seen"); })`,
  );
  while (server.sockets.counters.messagesReceived < 2) await new Promise((resolve) => setImmediate(resolve));
  await server.sessions[0]?.close(1012, "restart");
  assert.deepEqual(await closing, [1012, "restart", true]);
  const refused = await tab.evaluate(
    `new Promise((resolve) => { const s = new WebSocket(${JSON.stringify(other.url)}); s.onclose = (e) => resolve(e.code); })`,
  );
  assert.equal(refused, 1006);
  assert.deepEqual(other.sockets.counters.refusals, { WEBSOCKET_ORIGIN_REFUSED: 1 });
});
