import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";
import { createServer } from "vite";
import type { FeedProcess } from "./testdata/feed-process.ts";
import { startFeedProcess } from "./testdata/feed-process.ts";

const here = fileURLToPath(new URL(".", import.meta.url));
const grpcurl = process.env["WEIR_GRPCURL"] ?? "";
const browser = process.env["WEIR_CHROMIUM"] ?? "/usr/bin/chromium";
const noGrpcurl = grpcurl === "" && "grpcurl is not there; tools/services.ts up builds it and names it in WEIR_GRPCURL";
const noBrowser = !existsSync(browser) && `no Chromium at ${browser}; install it or name another one in WEIR_CHROMIUM`;

interface Page {
  readonly films: readonly { readonly title: string }[];
}

describe("clients that the README shows", { timeout: 120_000 }, () => {
  let folder = "";
  let feed: FeedProcess;
  let readme = "";
  let titles: string[] = [];
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "weir-feed-clients-"));
    [feed, readme] = await Promise.all([startFeedProcess({ folder, version: "v2" }), readFile(`${here}README.md`, "utf8")]);
    const page = (await (await fetch(`${feed.url}/v1/feed?userId=u1&size=3`)).json()) as Page;
    titles = page.films.map(({ title }) => title);
    assert.equal(titles.length, 3);
  });
  after(async () => {
    await feed.stop();
    await rm(folder, { recursive: true });
  });
  const address = (): string => new URL(feed.url).host;

  test("grpcurl learns the contract by reflection and gets the page that REST gives", { skip: noGrpcurl }, async () => {
    const lines = [...readme.matchAll(/^grpcurl (.*)$/gm)].map(([, line]) => line!.replace("127.0.0.1:9000", address()));
    assert.equal(lines.length, 3);
    const said: string[] = [];
    for (const line of lines) {
      const words = [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? "");
      said.push((await promisify(execFile)(grpcurl, words, { timeout: 20_000 })).stdout);
    }
    assert.match(said[0]!, /^weir\.feed\.v1\.Feed$/m);
    assert.match(said[1]!, /rpc Page \( \.weir\.feed\.v1\.PageRequest \) returns \( \.weir\.feed\.v1\.PageResponse \)/);
    assert.deepEqual(
      (JSON.parse(said[2]!) as Page).films.map(({ title }) => title),
      titles,
    );
  });

  test("grpc-js gets the page that REST gives", async () => {
    const program = /```js\n([\s\S]*?)```/.exec(readme)?.[1]?.replace("127.0.0.1:9000", address()) ?? "";
    const child = spawn(process.execPath, ["--input-type=module", "-"], { cwd: here, stdio: ["pipe", "pipe", "inherit"], timeout: 30_000 });
    child.stdin.end(program);
    const said = (await child.stdout.setEncoding("utf8").toArray()).join("");
    for (const title of titles) assert.ok(said.includes(title), said);
  });

  test("the page in a browser shows what REST gives, by gRPC-Web and by Connect, and says what is wrong", { skip: noBrowser }, async () => {
    process.env["FEED_URL"] = feed.url;
    const server = await createServer({
      root: `${here}browser`,
      configFile: `${here}browser/vite.config.ts`,
      server: { port: 0 },
      logLevel: "error",
    });
    await server.listen();
    const chrome = await chromium.launch({ executablePath: browser, args: ["--no-sandbox", "--disable-gpu"] });
    try {
      const page = await chrome.newPage();
      const asked: string[] = [];
      page.on("request", (request) => asked.push(request.headers()["content-type"] ?? ""));
      await page.goto(server.resolvedUrls?.local[0] ?? "");
      const first = page.locator("li", { hasText: titles[0]! });
      await first.waitFor();
      assert.equal(await page.locator("li").count(), 10);
      assert.ok(asked.includes("application/grpc-web+proto"), asked.join());
      await page.getByLabel("Protocol").selectOption("connect");
      const byConnect = page.waitForRequest((request) => request.headers()["content-type"] === "application/json");
      await page.getByRole("button", { name: "Show" }).click();
      await byConnect;
      await page.getByText("10 films, answered by v2").waitFor();
      await page.getByLabel("User").evaluate((input) => input.removeAttribute("required"));
      await page.getByLabel("User").fill("");
      await page.getByRole("button", { name: "Show" }).click();
      await page.getByText("USER_ID_INVALID").waitFor();
    } finally {
      await chrome.close();
      await server.close();
    }
  });
});
