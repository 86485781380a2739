import type { CreateLinkRequest, CreateTokenRequest, RevokeTokenRequest } from "@weir/api/identity";
import type { BeginReleaseRequest, GetReleaseRequest, SetWeightsRequest, WatchReleaseRequest } from "@weir/api/releases";
import type { DeleteRouteRequest, PutRouteRequest } from "@weir/api/routes";
import type { WatchTrafficRequest } from "@weir/api/traffic";
import type { DeregisterRequest, RegisterRequest, WatchRequest } from "@weir/kit/app/registry";
import type { ConfirmRequest, GetRequest, PutRequest, SubscribeRequest } from "@weir/kit/config/configs";
import type { RoleName } from "./tables.ts";

/** What is to be known of a method before it is reached. */
export interface MethodRule {
  /** A read changes nothing; a write is audited; what is only observed (heartbeats, reports) is kept in memory and is not. */
  readonly kind: "read" | "write" | "observe";
  /** Who may call it; "anyone" needs no token. */
  readonly roles: readonly RoleName[] | "anyone";
  /** The service that a request names, for tokens that are limited to some. Methods that look it up check for themselves. */
  readonly service?: (request: never) => string;
  /** What a write is about, as it stands in the audit: "release/feed". */
  readonly resource?: (request: never) => string;
  /** What of a refused write may stand in the audit; without it all but its reason and codes. */
  readonly attempt?: (request: never) => object;
}

const readers: readonly RoleName[] = ["viewer", "operator", "admin"];
const operators: readonly RoleName[] = ["operator", "admin"];
const admins: readonly RoleName[] = ["admin"];
const instances: readonly RoleName[] = ["instance"];
const dataPlanes: readonly RoleName[] = ["data_plane"];
const everybody: readonly RoleName[] = [...readers, ...instances, ...dataPlanes];

const read: MethodRule = { kind: "read", roles: readers };

/** Every method that control serves, by its path. What does not stand here is refused. */
export const methodRules: Readonly<Record<string, MethodRule>> = {
  "/weir.api.v1.Audit/ListEntries": read,
  "/weir.api.v1.Audit/VerifyChain": read,
  "/weir.api.v1.Identity/WhoAmI": { kind: "read", roles: everybody },
  "/weir.api.v1.Identity/ExchangeLink": { kind: "write", roles: "anyone", resource: () => "link" },
  "/weir.api.v1.Identity/CreateLink": { kind: "write", roles: admins, resource: ({ name }: CreateLinkRequest) => `link/${name}` },
  "/weir.api.v1.Identity/CreateToken": { kind: "write", roles: admins, resource: ({ name }: CreateTokenRequest) => `token/${name}` },
  "/weir.api.v1.Identity/ListTokens": { kind: "read", roles: admins },
  "/weir.api.v1.Identity/RevokeToken": { kind: "write", roles: admins, resource: ({ id }: RevokeTokenRequest) => `token/${id}` },
  "/weir.api.v1.Releases/ListReleases": read,
  "/weir.api.v1.Releases/GetRelease": { ...read, service: ({ service }: GetReleaseRequest) => service },
  "/weir.api.v1.Releases/WatchRelease": { ...read, service: ({ service }: WatchReleaseRequest) => service },
  "/weir.api.v1.Releases/BeginRelease": {
    kind: "write",
    roles: operators,
    service: ({ service }: BeginReleaseRequest) => service,
    resource: ({ service }: BeginReleaseRequest) => `release/${service}`,
  },
  "/weir.api.v1.Releases/SetWeights": {
    kind: "write",
    roles: operators,
    service: ({ service }: SetWeightsRequest) => service,
    resource: ({ service }: SetWeightsRequest) => `release/${service}`,
  },
  "/weir.api.v1.Routes/ListRoutes": read,
  "/weir.api.v1.Routes/PutRoute": {
    kind: "write",
    roles: operators,
    service: ({ route }: PutRouteRequest) => route?.service ?? "",
    resource: ({ route }: PutRouteRequest) => `route/${route?.name ?? ""}`,
  },
  "/weir.api.v1.Routes/DeleteRoute": { kind: "write", roles: operators, resource: ({ name }: DeleteRouteRequest) => `route/${name}` },
  "/weir.api.v1.Snapshots/Subscribe": { kind: "observe", roles: dataPlanes },
  "/weir.api.v1.Snapshots/Acknowledge": { kind: "observe", roles: dataPlanes },
  "/weir.api.v1.Snapshots/ListDataPlanes": read,
  "/weir.api.v1.Traffic/Report": { kind: "observe", roles: dataPlanes },
  "/weir.api.v1.Traffic/WatchTraffic": { ...read, service: ({ service }: WatchTrafficRequest) => service },
  "/weir.config.v1.Configs/Subscribe": {
    kind: "observe",
    roles: instances,
    service: ({ service }: SubscribeRequest) => service,
  },
  "/weir.config.v1.Configs/Confirm": { kind: "observe", roles: instances, service: ({ service }: ConfirmRequest) => service },
  "/weir.config.v1.Configs/Put": {
    kind: "write",
    roles: operators,
    service: ({ service }: PutRequest) => service,
    resource: ({ service }: PutRequest) => `config/${service}`,
    // Of a value that is refused nobody knows whether it is a secret.
    attempt: ({ service, version, values, remove }: PutRequest) => ({ service, version, keys: Object.keys(values ?? {}), remove }),
  },
  "/weir.config.v1.Configs/Get": { ...read, service: ({ service }: GetRequest) => service },
  "/weir.config.v1.Configs/List": read,
  "/weir.registry.v1.Registry/Register": {
    kind: "write",
    roles: instances,
    service: ({ instance }: RegisterRequest) => instance?.service ?? "",
    resource: ({ instance }: RegisterRequest) => `instance/${instance?.id ?? ""}`,
  },
  "/weir.registry.v1.Registry/Heartbeat": { kind: "observe", roles: instances },
  "/weir.registry.v1.Registry/Deregister": {
    kind: "write",
    roles: instances,
    resource: ({ instanceId }: DeregisterRequest) => `instance/${instanceId}`,
  },
  "/weir.registry.v1.Registry/ListInstances": { kind: "read", roles: [...readers, ...instances] },
  "/weir.registry.v1.Registry/Watch": {
    kind: "read",
    roles: [...readers, ...instances, ...dataPlanes],
    service: ({ service }: WatchRequest) => service,
  },
};

/** The name of a method as the audit says it: "Releases.SetWeights" of "/weir.api.v1.Releases/SetWeights". */
export function actionOf(method: string): string {
  const [service = "", name = ""] = method.slice(1).split("/");
  return `${service.slice(service.lastIndexOf(".") + 1)}.${name}`;
}
