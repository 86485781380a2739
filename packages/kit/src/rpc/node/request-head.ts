import { timeoutMsFromHeader } from "../protocol-connect.ts";

/** What the headers of a request say to the RPC protocols. */
export interface RequestHead {
  contentType: string | undefined;
  contentEncoding: string | undefined;
  streamEncoding: string | undefined;
  protocolVersion: string | undefined;
  traceparent: string | undefined;
  /** From connect-timeout-ms; Infinity when absent. */
  timeoutMs: number;
}

/** Of a request without any header that matters here. */
export const noHead: Readonly<RequestHead> = Object.freeze(createHead());

/** Reads the headers in one pass; makes nothing when none of them matters. Throws TIMEOUT_INVALID. */
export function requestHeadFrom(headers: readonly string[]): Readonly<RequestHead> {
  let head: RequestHead | undefined;
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const value = headers[index + 1] as string;
    switch (headers[index] as string) {
      case "content-type":
        (head ??= createHead()).contentType = value;
        break;
      case "content-encoding":
        (head ??= createHead()).contentEncoding = value;
        break;
      case "connect-content-encoding":
        (head ??= createHead()).streamEncoding = value;
        break;
      case "connect-protocol-version":
        (head ??= createHead()).protocolVersion = value;
        break;
      case "connect-timeout-ms":
        (head ??= createHead()).timeoutMs = timeoutMsFromHeader(value);
        break;
      case "traceparent":
        (head ??= createHead()).traceparent = value;
        break;
      default:
    }
  }
  return head ?? noHead;
}

function createHead(): RequestHead {
  return {
    contentType: undefined,
    contentEncoding: undefined,
    streamEncoding: undefined,
    protocolVersion: undefined,
    traceparent: undefined,
    timeoutMs: Infinity,
  };
}
