import { codes, type Code } from "@weir/kit/fault";
import { codeFromGrpc } from "@weir/kit/rpc/grpc-status";

/** Number of the code that says that all is well. */
export const grpcOk = 0;

/** Stands for a code that nobody has said yet. */
export const grpcUnsaid = -1;

/** The name of a number that a peer said; UNKNOWN for one that gRPC does not have. */
export function grpcName(number: number): Code | "OK" {
  return number === grpcOk ? "OK" : codeFromGrpc(number);
}

/** The number in a grpc-status header, UNKNOWN when it is none, `grpcUnsaid` when there is no such header. */
export function grpcCodeIn(headers: readonly string[] | undefined): number {
  for (let index = 0; index < (headers?.length ?? 0); index += 2) {
    if (headers?.[index] !== "grpc-status") continue;
    const text = headers[index + 1] as string;
    return /^\d{1,2}$/.test(text) ? Number(text) : codes.UNKNOWN.grpc;
  }
  return grpcUnsaid;
}

/** The number of a Connect code, "unavailable"; UNKNOWN when it is none. */
export function grpcCodeFromConnect(name: unknown): number {
  for (const { grpc, connect } of Object.values(codes)) if (connect === name) return grpc;
  return codes.UNKNOWN.grpc;
}

/** Whether a code says that the endpoint failed, not the request: the codes whose HTTP status is 500 or more. */
export function isServerFault(number: number): boolean {
  return number > grpcOk && codes[codeFromGrpc(number)].http >= 500;
}

/** The code of a call whose answer is not gRPC. Source: grpc, doc/http-grpc-status-mapping.md. */
export function codeFromForeignStatus(status: number): Code {
  switch (status) {
    case 400:
      return "INTERNAL";
    case 401:
      return "UNAUTHENTICATED";
    case 403:
      return "PERMISSION_DENIED";
    case 404:
      return "UNIMPLEMENTED";
    case 429:
    case 502:
    case 503:
    case 504:
      return "UNAVAILABLE";
    default:
      return "UNKNOWN";
  }
}

/** The code of a call whose stream was reset. Source: gRPC over HTTP2, "Errors". */
export function codeFromReset(http2Code: number): Code {
  switch (http2Code) {
    case 7: // REFUSED_STREAM
      return "UNAVAILABLE";
    case 8: // CANCEL
      return "CANCELLED";
    case 11: // ENHANCE_YOUR_CALM
      return "RESOURCE_EXHAUSTED";
    case 12: // INADEQUATE_SECURITY
      return "PERMISSION_DENIED";
    default:
      return "INTERNAL";
  }
}
