import { timeoutMsFromHeader } from "../protocol-connect.ts";

/** What the headers of a request say to the RPC protocols. */
export interface RequestHead {
  contentType: string | undefined;
  contentEncoding: string | undefined;
  streamEncoding: string | undefined;
  protocolVersion: string | undefined;
  accept: string | undefined;
  traceparent: string | undefined;
  /** From connect-timeout-ms; Infinity when absent. */
  timeoutMs: number;
}

/** Of a request without any header that matters here. */
export const noHead: RequestHead = Object.freeze(createHead());

function createHead(): RequestHead {
  return {
    contentType: undefined,
    contentEncoding: undefined,
    streamEncoding: undefined,
    protocolVersion: undefined,
    accept: undefined,
    traceparent: undefined,
    timeoutMs: Infinity,
  };
}

/** Reads the headers in one pass. Throws TIMEOUT_INVALID. */
export function requestHeadFrom(headers: readonly string[]): RequestHead {
  const head = createHead();
  for (let index = 0; index + 1 < headers.length; index += 2) {
    const value = headers[index + 1] as string;
    switch (headers[index] as string) {
      case "content-type":
        head.contentType = value;
        break;
      case "content-encoding":
        head.contentEncoding = value;
        break;
      case "connect-content-encoding":
        head.streamEncoding = value;
        break;
      case "connect-protocol-version":
        head.protocolVersion = value;
        break;
      case "connect-timeout-ms":
        head.timeoutMs = timeoutMsFromHeader(value);
        break;
      case "accept":
        head.accept = value;
        break;
      case "traceparent":
        head.traceparent = value;
        break;
      default:
    }
  }
  return head;
}
