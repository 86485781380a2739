import type { EndpointAddress } from "./endpoint-address.ts";
import type { Target } from "./target.ts";

/** Endpoints that never change. */
export function createStaticTarget(url: string, addresses: readonly EndpointAddress[]): Target {
  return {
    url,
    authority: undefined,
    watch(listener) {
      listener.resolved(addresses);
      return { refresh() {}, close() {} };
    },
  };
}
