import type { HeaderList } from "@weir/wire";
import { rpcFormOf, type RpcForm } from "../rpc/form.ts";

/**
 * Headers that the gateway answers for: what came in under these names never reaches an endpoint as it was, only as the
 * layers decide. Values as received; several headers of one name joined with ", ". "" when there was none.
 */
export interface Inbound {
  readonly requestId: string;
  readonly traceparent: string;
  readonly tracestate: string;
  readonly forwarded: string;
  readonly xForwardedFor: string;
  readonly xForwardedProto: string;
  readonly xForwardedHost: string;
  readonly via: string;
  /** How long the caller of an RPC waits, as gRPC and as Connect say it. */
  readonly grpcTimeout: string;
  readonly connectTimeout: string;
  /** Names and values that only a trusted proxy may say: x-real-ip, x-forwarded-port and the like. */
  readonly hints: HeaderList;
}

type Slot = Exclude<keyof Inbound, "hints">;
/** "plain" passes through, "type" and "connect" do and are noted, "hint" is kept for trusted proxies, "dropped" goes nowhere. */
type Treatment = Slot | "plain" | "type" | "connect" | "hint" | "dropped";

const named: Readonly<Record<string, Treatment>> = {
  "x-request-id": "requestId",
  traceparent: "traceparent",
  tracestate: "tracestate",
  forwarded: "forwarded",
  "x-forwarded-for": "xForwardedFor",
  "x-forwarded-proto": "xForwardedProto",
  "x-forwarded-host": "xForwardedHost",
  via: "via",
  "grpc-timeout": "grpcTimeout",
  "connect-timeout-ms": "connectTimeout",
  "content-type": "type",
  "connect-protocol-version": "connect",
  "x-real-ip": "hint",
  "x-client-ip": "hint",
  "true-client-ip": "hint",
  "x-forwarded-port": "hint",
  "x-forwarded-server": "hint",
  "x-forwarded-prefix": "hint",
  "x-forwarded-ssl": "hint",
  "x-forwarded-scheme": "hint",
  "x-cluster-client-ip": "hint",
  // Who the client has proven to be, as proxies in front say it (RFC 9440, and Envoy's own).
  "client-cert": "hint",
  "client-cert-chain": "hint",
  "x-forwarded-client-cert": "hint",
  // The codec has answered it already.
  expect: "dropped",
  // The codec takes these out; what is left is spelt with "_".
  "content-length": "dropped",
  "transfer-encoding": "dropped",
  "keep-alive": "dropped",
  "proxy-connection": "dropped",
  // Part of an upgrade to HTTP/2, which never passes.
  "http2-settings": "dropped",
};

const treatmentsMax = 1000;
const treatments = new Map<string, Treatment>();
const nothing: Inbound = Object.freeze({
  requestId: "",
  traceparent: "",
  tracestate: "",
  forwarded: "",
  xForwardedFor: "",
  xForwardedProto: "",
  xForwardedHost: "",
  via: "",
  grpcTimeout: "",
  connectTimeout: "",
  hints: Object.freeze([]) as unknown as HeaderList,
});

/** A request's headers, parted. */
export interface PartedHeaders {
  /** Those that pass through, in a new list that belongs to the caller. */
  readonly kept: HeaderList;
  readonly inbound: Inbound;
  /** Undefined when the headers are not those of an RPC. */
  readonly rpc: RpcForm | undefined;
}

/**
 * Parts what passes through from what the gateway answers for, in one pass. Names with "_" for "-" are treated alike:
 * many backends do not tell them apart, so `X_Forwarded_For` would be a way around. All of `x-weir-*` is dropped.
 */
export function partHeaders(headers: HeaderList): PartedHeaders {
  const kept: HeaderList = [];
  let inbound: { -readonly [K in keyof Inbound]: Inbound[K] } | undefined;
  let contentType = "";
  let connectVersion = "";
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] as string;
    const treatment = treatments.get(name) ?? learn(name);
    if (treatment === "plain") {
      kept.push(name, headers[index + 1] as string);
      continue;
    }
    if (treatment === "dropped") continue;
    const value = headers[index + 1] as string;
    if (treatment === "type" || treatment === "connect") {
      kept.push(name, value);
      if (treatment === "type") contentType = value;
      else connectVersion = value;
      continue;
    }
    inbound ??= { ...nothing, hints: [] };
    if (treatment === "hint") inbound.hints.push(name, value);
    else inbound[treatment] = inbound[treatment] === "" ? value : `${inbound[treatment]}, ${value}`;
  }
  const rpc = contentType === "" ? undefined : rpcFormOf(contentType, connectVersion);
  if (rpc === undefined && inbound !== undefined) passOn(inbound, kept);
  return { kept, inbound: inbound ?? nothing, rpc };
}

/** The trailers of a request without what no endpoint may hear from a client: backends may take them for headers. */
export function keptTrailers(trailers: HeaderList | undefined): HeaderList | undefined {
  if (trailers === undefined) return undefined;
  const kept: HeaderList = [];
  for (let index = 0; index < trailers.length; index += 2) {
    const name = trailers[index] as string;
    if ((treatments.get(name) ?? learn(name)) === "plain") kept.push(name, trailers[index + 1] as string);
  }
  return kept.length === 0 ? undefined : kept;
}

/** Names that mean something in an RPC only are anybody's else. */
function passOn({ grpcTimeout, connectTimeout }: Inbound, kept: HeaderList): void {
  if (grpcTimeout !== "") kept.push("grpc-timeout", grpcTimeout);
  if (connectTimeout !== "") kept.push("connect-timeout-ms", connectTimeout);
}

function learn(name: string): Treatment {
  const dashed = name.replaceAll("_", "-");
  const found = dashed.startsWith("x-weir-") ? "dropped" : Object.hasOwn(named, dashed) ? (named[dashed] as Treatment) : "plain";
  // A misspelt name is never read as the real one: it only must not pass.
  const treatment = found !== "plain" && dashed !== name ? "dropped" : found;
  if (treatments.size < treatmentsMax) treatments.set(name, treatment);
  return treatment;
}
