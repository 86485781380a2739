import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { programPath } from "../../check/real-parts.ts";
import { ask } from "../ask.ts";
import type { Contestant } from "../contestant.ts";
import { start } from "../contestant.ts";
import { envoyGateway } from "./envoy.ts";
import { backendBody, nginxBackend, nginxGateway } from "./nginx.ts";

const isThere = programPath("nginx") !== undefined && programPath("taskset") !== undefined && process.env["WEIR_ENVOY"] !== undefined;
const skip = isThere ? false : 'needs nginx, taskset and Envoy: eval "$(node tools/services.ts up)"';

test("nginx and Envoy stand before the backend of the gateway suite, and pass on what it answers", { skip }, async (t) => {
  const folder = mkdtempSync(`${tmpdir()}/weir-proxies-`);
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const begin = async (contestant: Contestant, backendPort: number): Promise<number> => {
    const own = `${folder}/${contestant.name}`;
    mkdirSync(own, { recursive: true });
    const running = await start(contestant, { folder: own, backendPort, cores: "0", path: "/v1/feed" });
    t.after(() => running.stop());
    return running.port;
  };
  const backendPort = await begin(nginxBackend, 0);
  for (const gateway of [nginxGateway, envoyGateway]) {
    const port = await begin(gateway, backendPort);
    assert.deepEqual(await ask({ port, path: "/v1/feed" }, "http"), { status: 200, body: backendBody }, gateway.name);
  }
});
