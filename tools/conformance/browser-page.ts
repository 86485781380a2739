import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { build } from "vite";

/** A page that is served on an origin of its own. */
export interface ServedPage {
  readonly url: string;
  stop(): Promise<void>;
}

const script = new URL("programs/browser-page.ts", import.meta.url);

/** Bundles the page of the suites, which calls a server by connect-web, and serves it. */
export async function serveBrowserPage(): Promise<ServedPage> {
  const result = await build({
    configFile: false,
    logLevel: "warn",
    root: fileURLToPath(new URL("../../", import.meta.url)),
    build: { write: false, target: "es2024", modulePreload: false, rolldownOptions: { input: fileURLToPath(script) } },
  });
  const chunks = (Array.isArray(result) ? result : [result]).flatMap((one) => ("output" in one ? one.output : []));
  const files = new Map(chunks.map((one) => [`/${one.fileName}`, one.type === "chunk" ? one.code : one.source]));
  const entry = chunks.find((one) => one.type === "chunk" && one.isEntry)?.fileName ?? "";
  const server = createServer((request, response) => {
    const found = files.get(request.url?.split("?", 1)[0] ?? "");
    const page = `<!doctype html><title>calling</title><script type="module" src="/${entry}"></script>`;
    response.setHeader("content-type", found === undefined ? "text/html" : "text/javascript").end(found ?? page);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
