import type { Client, ClientRequest, ClientResponse, RequestOptions } from "@weir/wire";
import { WireError, wireReasons } from "@weir/wire";
import { Endpoint } from "../endpoint.ts";
import type { EndpointAddress } from "../endpoint-address.ts";
import { addressKey } from "../endpoint-address.ts";

/** How an endpoint of a test answers. */
export type Script = (request: ClientRequest, options: RequestOptions) => Promise<ClientResponse>;

/** Endpoints without sockets, each doing what its script says. */
export interface ScriptedEndpoints {
  readonly open: (address: EndpointAddress) => Client;
  /** What an endpoint does from now on; "*" for those without a script of their own. */
  script(key: string, script: Script): void;
  /** Keys of the endpoints that were asked, in order. */
  readonly asked: string[];
  /** Clients that were opened and are not closed. */
  readonly opened: Set<string>;
}

/** An answer without a body. */
export function answer(status = 200, headers: string[] = []): Script {
  return () => Promise.resolve({ status, headers });
}

/** A rejection of wire. */
export function reject(
  reason: Extract<keyof typeof wireReasons, string>,
  how: { readonly sent?: boolean; readonly answered?: boolean } = {},
): Script {
  return () => Promise.reject(new WireError(wireReasons[reason], `scripted ${reason}`, how));
}

/** Endpoints that answer 200 until told otherwise. */
export function scriptedEndpoints(): ScriptedEndpoints {
  const scripts = new Map<string, Script>([["*", answer()]]);
  const asked: string[] = [];
  const opened = new Set<string>();
  return {
    asked,
    opened,
    script: (key, script) => void scripts.set(key, script),
    open(address) {
      const key = addressKey(address);
      opened.add(key);
      const end = async (): Promise<void> => void opened.delete(key);
      return {
        state: { open: 0, idle: 0, inFlight: 0, waiting: 0 },
        request(request, options = {}) {
          asked.push(key);
          return (scripts.get(key) ?? (scripts.get("*") as Script))(request, options);
        },
        drain: end,
        close: end,
      };
    },
  };
}

/** Endpoints "10.0.0.1:1", "10.0.0.1:2", … as pickers get them. */
export function endpointsOf(count: number, weightOf: (index: number) => number = () => 1): Endpoint[] {
  const { open } = scriptedEndpoints();
  return Array.from({ length: count }, (_, index) => {
    const address = { host: "10.0.0.1", port: index + 1, weight: weightOf(index) };
    return new Endpoint(address, { client: open(address), picks: { add() {}, value: () => 0 } });
  });
}
