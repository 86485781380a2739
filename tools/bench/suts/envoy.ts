import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { envoyPath } from "../../services/envoy.ts";
import type { Contestant, Place } from "../contestant.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

/** Envoy as a gateway: one worker, access log on, connections to the upstream kept. */
export const envoyGateway: Contestant = {
  name: "envoy",
  command(place) {
    const program = envoyPath(root);
    if (program === undefined) throw new Error("expected Envoy, found none: node tools/services.ts up installs it");
    mkdirSync(place.folder, { recursive: true });
    const path = `${place.folder}/envoy.json`;
    writeFileSync(path, JSON.stringify(configuration(place), null, 2));
    return [program, "-c", path, "--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"];
  },
};

function configuration({ port, backendPort, folder }: Place): unknown {
  const at = (value: number) => ({ socket_address: { address: "127.0.0.1", port_value: value } });
  const typed = (name: string, more: object = {}) => ({ "@type": `type.googleapis.com/envoy.extensions.${name}`, ...more });
  const manager = typed("filters.network.http_connection_manager.v3.HttpConnectionManager", {
    stat_prefix: "bench",
    use_remote_address: true,
    access_log: [{ name: "file", typed_config: typed("access_loggers.file.v3.FileAccessLog", { path: `${folder}/access.log` }) }],
    route_config: { virtual_hosts: [{ name: "all", domains: ["*"], routes: [{ match: { prefix: "/" }, route: { cluster: "backend" } }] }] },
    http_filters: [{ name: "router", typed_config: typed("filters.http.router.v3.Router") }],
  });
  const endpoint = { endpoint: { address: at(backendPort) } };
  return {
    static_resources: {
      listeners: [{ name: "bench", address: at(port), filter_chains: [{ filters: [{ name: "http", typed_config: manager }] }] }],
      clusters: [
        {
          name: "backend",
          type: "STATIC",
          connect_timeout: "1s",
          load_assignment: { cluster_name: "backend", endpoints: [{ lb_endpoints: [endpoint] }] },
        },
      ],
    },
  };
}
