import { Audit } from "@weir/api/audit";
import { Identity } from "@weir/api/identity";
import { Releases } from "@weir/api/releases";
import { Traffic } from "@weir/api/traffic";
import type { AuditClient } from "@weir/api/audit";
import type { IdentityClient } from "@weir/api/identity";
import type { ReleasesClient } from "@weir/api/releases";
import type { TrafficClient } from "@weir/api/traffic";
import { createClient } from "@weir/kit/rpc/client";
import { createFetchTransport } from "@weir/kit/rpc/fetch-transport";

/** The contracts that the console speaks. */
export interface ConsoleClient {
  readonly releases: ReleasesClient;
  readonly traffic: TrafficClient;
  readonly audit: AuditClient;
  readonly identity: IdentityClient;
}

/** What `createConsoleClient` needs. */
export interface ConsoleClientOptions {
  /** Where control is; "" for the page's own origin. */
  readonly baseUrl: string;
  /** The token to send with each call; undefined sends none. */
  readonly token: () => string | undefined;
}

/** Clients of control over `fetch`. A unary call has ten seconds; streams have none. */
export function createConsoleClient(options: ConsoleClientOptions): ConsoleClient {
  const headers = (): Record<string, string> => {
    const token = options.token();
    return token === undefined ? {} : { authorization: `Bearer ${token}` };
  };
  const transport = createFetchTransport({ baseUrl: options.baseUrl, headers });
  const timed = { timeoutMs: 10_000 };
  return {
    releases: createClient(Releases, transport, timed),
    traffic: createClient(Traffic, transport, timed),
    audit: createClient(Audit, transport, timed),
    identity: createClient(Identity, transport, timed),
  };
}
