import type { HeaderList } from "../http.ts";
import { WireError, wireReasons, type WireReason } from "../reasons.ts";
import { fieldKinds, fieldNameFrom, isFieldValue, isToken, type FieldName } from "./syntax.ts";
import { isHost } from "./target.ts";

/** What the status line says behind the code; codes that are not here have no phrase. RFC 9110 §15. */
export const phrases: Readonly<Record<number, string>> = {
  100: "Continue",
  101: "Switching Protocols",
  102: "Processing",
  103: "Early Hints",
  200: "OK",
  201: "Created",
  202: "Accepted",
  203: "Non-Authoritative Information",
  204: "No Content",
  205: "Reset Content",
  206: "Partial Content",
  207: "Multi-Status",
  300: "Multiple Choices",
  301: "Moved Permanently",
  302: "Found",
  303: "See Other",
  304: "Not Modified",
  307: "Temporary Redirect",
  308: "Permanent Redirect",
  400: "Bad Request",
  401: "Unauthorized",
  403: "Forbidden",
  404: "Not Found",
  405: "Method Not Allowed",
  406: "Not Acceptable",
  408: "Request Timeout",
  409: "Conflict",
  410: "Gone",
  411: "Length Required",
  412: "Precondition Failed",
  413: "Content Too Large",
  414: "URI Too Long",
  415: "Unsupported Media Type",
  416: "Range Not Satisfiable",
  417: "Expectation Failed",
  421: "Misdirected Request",
  422: "Unprocessable Content",
  423: "Locked",
  424: "Failed Dependency",
  425: "Too Early",
  426: "Upgrade Required",
  428: "Precondition Required",
  429: "Too Many Requests",
  431: "Request Header Fields Too Large",
  451: "Unavailable For Legal Reasons",
  499: "Client Closed Request",
  500: "Internal Server Error",
  501: "Not Implemented",
  502: "Bad Gateway",
  503: "Service Unavailable",
  504: "Gateway Timeout",
  505: "HTTP Version Not Supported",
  507: "Insufficient Storage",
  511: "Network Authentication Required",
};

const statusLines: string[] = [];
for (let status = 100; status < 1000; status += 1) statusLines[status] = `HTTP/1.1 ${status} ${phrases[status] ?? ""}`;

/** "HTTP/1.1 200 OK". CRLF comes with the next line. Throws RESPONSE_INVALID when `status` is not a number from 100 to 999. */
export function statusLine(status: number): string {
  const line = statusLines[status];
  if (line === undefined) throw new WireError(wireReasons.RESPONSE_INVALID, `expected a status from 100 to 999, found ${status}`);
  return line;
}

const linesRememberedMax = 32;
const valueLengthRememberedMax = 256;

/**
 * Writes header lists. What is handed over has the same lines in the same order again and again, so a line is first compared with the one that stood at its place last time. Nothing but equal strings counts.
 */
export class HeaderWriter {
  /** Whether `date` was in the last list. */
  dated = false;
  readonly #reason: WireReason;
  readonly #fields: FieldName[] = [];
  readonly #values: string[] = [];
  readonly #lines: string[] = [];

  /** `reason` is what to call a list that cannot be sent. */
  constructor(reason: WireReason) {
    this.#reason = reason;
  }

  /**
   * The lines of a header list, each behind a CRLF. Throws for a name that is not a token in lower case or belongs to the
   * framing, and for a value with CR, LF, NUL or another control character: nothing a handler or a proxy hands over can
   * split a message.
   */
  lines(headers: HeaderList): string {
    let text = "";
    this.dated = false;
    const count = headers.length;
    for (let index = 0; index < count; index += 2) {
      const place = index >> 1;
      const name = headers[index] as string;
      const value = headers[index + 1] as string;
      let field = this.#fields[place];
      if (field !== undefined && field.name === name) {
        if (field.kind !== fieldKinds.plain) this.#special(field);
        if (this.#values[place] === value) {
          text += this.#lines[place] as string;
          continue;
        }
      } else field = this.#field(name);
      text += this.#line(field, value, place);
    }
    return text;
  }

  #line(field: FieldName, value: string, place: number): string {
    if (typeof value !== "string" || !isFieldValue(value)) {
      throw new WireError(this.#reason, `expected a value without control characters for ${field.name}, found ${shown(value)}`);
    }
    const line = field.prefix + value;
    if (place < linesRememberedMax) {
      const remembered = value.length <= valueLengthRememberedMax;
      this.#fields[place] = field;
      this.#values[place] = remembered ? value : "";
      this.#lines[place] = remembered ? line : field.prefix;
    }
    return line;
  }

  #field(name: string): FieldName {
    const field = typeof name === "string" ? fieldNameFrom(name) : undefined;
    if (field === undefined || field.name !== name) {
      throw new WireError(this.#reason, `expected header names in lower case, found ${shown(name)}`);
    }
    if (field.kind !== fieldKinds.plain) this.#special(field);
    return field;
  }

  #special(field: FieldName): void {
    if (field.kind === fieldKinds.date) this.dated = true;
    else if (field.kind !== fieldKinds.expect) {
      throw new WireError(this.#reason, `expected no ${field.name} among the headers: framing is the codec's`);
    }
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 64)) : typeof value;
}

/** The end of a chunked body: the last chunk, and trailers when there are any. Forbidden trailers are refused like headers. */
export function chunkedEndFrom(trailers: HeaderList | undefined, reason: WireReason): string {
  if (trailers === undefined || trailers.length === 0) return "0\r\n\r\n";
  for (let index = 0; index < trailers.length; index += 2) {
    const name = trailers[index] as string;
    if (fieldNameFrom(name)?.trailerForbidden ?? true) throw new WireError(reason, `expected no ${shown(name)} among the trailers`);
  }
  return `0${new HeaderWriter(reason).lines(trailers)}\r\n\r\n`;
}

const targetPattern = /^[/*][\x21-\x7e]*$/;

/** Writes the start line and Host of requests. */
export class RequestStartWriter {
  #method = "GET";
  #authority = "";

  /** Throws REQUEST_INVALID for what could be read as anything else than it is. */
  start(method: string, target: string, authority: string): string {
    if (method !== this.#method) {
      if (!isToken(method)) throw new WireError(wireReasons.REQUEST_INVALID, `expected a method, found ${shown(method)}`);
      this.#method = method;
    }
    if (authority !== this.#authority) {
      if (!isHost(authority)) {
        throw new WireError(wireReasons.REQUEST_INVALID, `expected a host with an optional port, found ${shown(authority)}`);
      }
      this.#authority = authority;
    }
    if (!targetPattern.test(target)) {
      throw new WireError(wireReasons.REQUEST_INVALID, `expected a target in origin form, visible ASCII, found ${shown(target)}`);
    }
    return `${method} ${target} HTTP/1.1\r\nhost: ${authority}`;
  }
}

/** The body of a refusal. */
export function refusalFrom(error: WireError): string {
  return JSON.stringify({
    code: error.code.toLowerCase() === "cancelled" ? "canceled" : error.code.toLowerCase(),
    reason: error.reason,
    message: error.message,
  });
}
