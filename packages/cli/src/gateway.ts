import { mkdirSync } from "node:fs";
import { resolve } from "node:path";
import { createGateway } from "@weir/gateway";
import { systemClock } from "@weir/kit/clock";
import { createLineWriter } from "@weir/kit/telemetry/line-writer";
import { createLogger } from "@weir/kit/telemetry/logger";
import type { Command } from "./command.ts";
import { portFrom, stopped, tlsFrom } from "./settings.ts";

/** `weir gateway`: a data plane, in this process, until it is told to stop. */
export const gatewayCommand: Command = {
  name: "gateway",
  summary: "run a gateway",
  help: `
Usage: weir gateway

Runs a gateway until SIGTERM; then it finishes what is in flight. Its access log goes to the standard output, one JSON
line a request. It is told by its environment:

  WEIR_NAME             its name at control, the same at every start; default gateway-1
  WEIR_HOST             address to listen on; default 127.0.0.1
  WEIR_PORT             default 8080
  WEIR_ADMIN_PORT       /healthz, /readyz, /metrics, /snapshot; default 8081
  WEIR_STATE_DIRECTORY  where its last Snapshot lies; default .weir/gateway
  WEIR_CONTROL_URL      the control plane; default http://127.0.0.1:7070
  WEIR_TOKEN            a token of role data_plane
  WEIR_TLS_CERTIFICATE_FILE, WEIR_TLS_KEY_FILE
                        PEM; clients are then spoken to over TLS; default cleartext
  WEIR_TLS_CLIENT_CA_FILE
                        PEM of authorities; clients then have to show a certificate
  WEIR_TRUSTED_PROXIES  networks whose forwarded headers are believed, "10.0.0.0/8,fd00::/8"; default none

Example:
  WEIR_TOKEN=weir_… weir gateway`,
  options: {},
  async run({ io }) {
    const { environment } = io;
    const tls = tlsFrom(io);
    const lines = createLineWriter();
    const log = createLogger({ write: (line) => lines.write(line), clock: systemClock, fields: { process: "gateway" } });
    const stateDirectory = resolve(environment["WEIR_STATE_DIRECTORY"] ?? ".weir/gateway");
    mkdirSync(stateDirectory, { recursive: true });
    const gateway = await createGateway({
      name: environment["WEIR_NAME"] ?? "gateway-1",
      host: environment["WEIR_HOST"] ?? "127.0.0.1",
      port: portFrom(io, { name: "WEIR_PORT", fallback: 8080 }),
      adminPort: portFrom(io, { name: "WEIR_ADMIN_PORT", fallback: 8081 }),
      ...(tls && { tls }),
      stateDirectory,
      controlUrl: environment["WEIR_CONTROL_URL"] ?? "http://127.0.0.1:7070",
      token: environment["WEIR_TOKEN"],
      trustedProxies: (environment["WEIR_TRUSTED_PROXIES"] ?? "").split(",").filter((network) => network !== ""),
      accessLog: lines,
      clock: systemClock,
      log,
    });
    await stopped(io.signal);
    await gateway.stop();
    await lines.close();
    return 0;
  },
};
