import { bytesFromBase64 } from "../../contract/base64.ts";
import { fault } from "../../fault.ts";
import { kitReasons } from "../../reasons.ts";

/** What the headers of a request say to the RPC protocols, as they say it. */
export interface RequestHead {
  contentType: string | undefined;
  contentEncoding: string | undefined;
  acceptEncoding: string | undefined;
  /** connect-content-encoding */
  streamEncoding: string | undefined;
  /** connect-accept-encoding */
  streamAcceptEncoding: string | undefined;
  grpcEncoding: string | undefined;
  grpcAcceptEncoding: string | undefined;
  /** connect-protocol-version */
  protocolVersion: string | undefined;
  traceparent: string | undefined;
  /** connect-timeout-ms */
  timeoutMs: string | undefined;
  grpcTimeout: string | undefined;
  /** Whether there are names that end in "-bin". */
  hasBinary: boolean;
}

/** Of a request without any header that matters here. */
export const noHead: Readonly<RequestHead> = Object.freeze(createHead());

/** Reads the headers in one pass; makes nothing when none of them matters. Judges nothing: its protocol does. */
export function requestHeadFrom(headers: readonly string[]): Readonly<RequestHead> {
  let head: RequestHead | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as string;
    const value = headers[index + 1] as string;
    switch (name) {
      case "content-type":
        (head ??= createHead()).contentType = value;
        break;
      case "grpc-timeout":
        (head ??= createHead()).grpcTimeout = value;
        break;
      case "grpc-encoding":
        (head ??= createHead()).grpcEncoding = value;
        break;
      case "grpc-accept-encoding":
        (head ??= createHead()).grpcAcceptEncoding = value;
        break;
      case "content-encoding":
        (head ??= createHead()).contentEncoding = value;
        break;
      case "accept-encoding":
        (head ??= createHead()).acceptEncoding = value;
        break;
      case "connect-content-encoding":
        (head ??= createHead()).streamEncoding = value;
        break;
      case "connect-accept-encoding":
        (head ??= createHead()).streamAcceptEncoding = value;
        break;
      case "connect-protocol-version":
        (head ??= createHead()).protocolVersion = value;
        break;
      case "connect-timeout-ms":
        (head ??= createHead()).timeoutMs = value;
        break;
      case "traceparent":
        (head ??= createHead()).traceparent = value;
        break;
      default:
        if (isBinaryName(name)) (head ??= createHead()).hasBinary = true;
    }
  }
  return head ?? noHead;
}

/** Checks that values of names in "-bin" are base64, padded or not, several of them behind commas. Throws METADATA_INVALID. */
export function checkBinaryMetadata(headers: readonly string[]): void {
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const name = headers[index] as string;
    if (!isBinaryName(name)) continue;
    for (const value of (headers[index + 1] as string).split(",")) {
      if (bytesFromBase64(value.trim())) continue;
      throw fault(kitReasons.METADATA_INVALID, `Expected base64 as ${name}, found "${value.slice(0, 40)}".`);
    }
  }
}

function isBinaryName(name: string): boolean {
  return name.charCodeAt(name.length - 1) === 110 && name.endsWith("-bin");
}

function createHead(): RequestHead {
  return {
    contentType: undefined,
    contentEncoding: undefined,
    acceptEncoding: undefined,
    streamEncoding: undefined,
    streamAcceptEncoding: undefined,
    grpcEncoding: undefined,
    grpcAcceptEncoding: undefined,
    protocolVersion: undefined,
    traceparent: undefined,
    timeoutMs: undefined,
    grpcTimeout: undefined,
    hasBinary: false,
  };
}
