/**
 * How a call of an RPC is spoken: gRPC, gRPC-Web (binary or as base64 text), or Connect, unary or as a stream. It is told
 * once, by the head of the request. All but "connect", whose bodies are bare, wrap messages in envelopes.
 */
export type RpcForm = "grpc" | "grpc-web" | "grpc-web-text" | "connect" | "connect-stream";

const grpc = "application/grpc";
const connectStream = "application/connect+";

/**
 * The form of a POST with this content type; undefined when it is none of them. `connectVersion` is the header
 * connect-protocol-version, "" for none: without it a unary call of Connect looks like any other POST, and is treated so.
 * Sources: gRPC over HTTP2, "Content-Type"; gRPC Web, "Protocol differences"; Connect protocol, "Unary-Request".
 */
export function rpcFormOf(contentType: string, connectVersion: string): RpcForm | undefined {
  const type = contentType.toLowerCase();
  if (type.startsWith(grpc)) return grpcFormOf(type.slice(grpc.length));
  if (type.startsWith(connectStream)) return "connect-stream";
  return connectVersion === "" ? undefined : "connect";
}

/** Whether calls of this form may go on for as long as both sides like: their time is what the caller says it is. */
export function isOpenEnded(form: RpcForm | undefined): boolean {
  return form !== undefined && form !== "connect";
}

/** `rest` is what follows "application/grpc". */
function grpcFormOf(rest: string): RpcForm | undefined {
  if (isSuffix(rest)) return "grpc";
  if (rest.startsWith("-web-text") && isSuffix(rest.slice(9))) return "grpc-web-text";
  return rest.startsWith("-web") && isSuffix(rest.slice(4)) ? "grpc-web" : undefined;
}

/** Nothing, "+proto" or a parameter. */
function isSuffix(rest: string): boolean {
  return rest === "" || rest.startsWith("+") || rest.startsWith(";") || rest.startsWith(" ");
}
