import type { ClientRequest } from "@weir/wire";
import { headerValue } from "@weir/wire";

/** What an endpoint takes: HTTP/1.1 alone; HTTP/2, gRPC and all else; gRPC over HTTP/2 and nothing else, as servers of other stacks do. */
export type Speech = "http1" | "http2" | "grpc";

/** What tells requests apart that not every endpoint takes. */
export type RequestKind = "grpc" | "other";

/** Whether an endpoint takes requests of a kind. Of one that nobody has said anything about it is assumed. */
export function takes(speech: Speech | undefined, kind: RequestKind): boolean {
  if (speech === undefined || speech === "http2") return true;
  return (speech === "grpc") === (kind === "grpc");
}

/** "grpc" for application/grpc and its suffixes; gRPC-Web is as any other HTTP. */
export function kindOf({ headers }: ClientRequest): RequestKind {
  return /^application\/grpc(?:$|[+;\s])/i.test(headerValue(headers, "content-type") ?? "") ? "grpc" : "other";
}
