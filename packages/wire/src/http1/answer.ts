import type { HeaderList, HttpResponse } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { ServerExchange } from "./exchange.ts";
import { HeaderWriter, statusLine } from "./serialise.ts";

/** How the body of an answer will be written. */
export type AnswerFraming = "none" | "whole" | "length" | "chunked" | "close";

/** Writes the heads of answers; what was decided for the last one stands in its fields. */
export class AnswerHeadWriter {
  framing: AnswerFraming = "none";
  keepAlive = true;
  readonly #headers = new HeaderWriter(wireReasons.RESPONSE_HEADER_INVALID);

  /**
   * The head of an answer. Throws RESPONSE_INVALID or RESPONSE_HEADER_INVALID when it cannot be sent as it is.
   * `exchange.keepAlive` says whether the connection may stay; `keepAlive` whether it does.
   */
  head(response: HttpResponse, exchange: ServerExchange, options: { readonly dateLine: string; readonly keepAlive: boolean }): string {
    const { status } = response;
    if (status < 200) return this.#switching(response, exchange);
    const start = statusLine(status);
    const lines = this.#headers.lines(response.headers);
    const date = this.#headers.dated ? "" : options.dateLine;
    this.keepAlive = options.keepAlive;
    const framing = this.#framing(response, exchange);
    return start + lines + date + framing + (this.keepAlive ? "\r\n\r\n" : "\r\nconnection: close\r\n\r\n");
  }

  #framing(response: HttpResponse, exchange: ServerExchange): string {
    const { status, body } = response;
    if (exchange.isHead || status === 204 || status === 304) {
      this.framing = "none";
      const length = response.lengthOfGet ?? (exchange.isHead ? body?.length : undefined);
      return length !== undefined && status !== 204 ? lengthLine(length) : "";
    }
    if (body === undefined) {
      this.framing = "none";
      return "\r\ncontent-length: 0";
    }
    if (body instanceof Uint8Array) {
      this.framing = "whole";
      return `\r\ncontent-length: ${body.length}`;
    }
    if (body.length !== undefined) {
      this.framing = "length";
      return lengthLine(body.length);
    }
    if (exchange.version === "1.0") {
      this.framing = "close";
      this.keepAlive = false;
      return "";
    }
    this.framing = "chunked";
    return "\r\ntransfer-encoding: chunked";
  }

  #switching(response: HttpResponse, { upgrade, body }: ServerExchange): string {
    if (response.status !== 101 || response.takeOver === undefined || upgrade === undefined) {
      throw new WireError(
        wireReasons.RESPONSE_INVALID,
        `expected a status from 200, or 101 with takeOver for a request that asks for an upgrade, found ${response.status}`,
      );
    }
    // What is still to come of it would be taken for the new protocol's (RFC 9110 §7.8).
    if (body?.finished === false) {
      throw new WireError(wireReasons.RESPONSE_INVALID, "expected a 101 once the request's body has come whole, found it before");
    }
    this.framing = "none";
    this.keepAlive = true;
    return `${statusLine(101)}${this.#headers.lines(response.headers)}\r\nconnection: upgrade\r\nupgrade: ${upgrade}\r\n\r\n`;
  }
}

/** The head of an interim answer, 102 to 199; "" for what none can be. */
export function interimHead(status: number, headers: HeaderList): string {
  if (status < 102 || status > 199) return "";
  try {
    return `${statusLine(status)}${new HeaderWriter(wireReasons.RESPONSE_HEADER_INVALID).lines(headers)}\r\n\r\n`;
  } catch {
    return "";
  }
}

function lengthLine(length: number): string {
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new WireError(wireReasons.RESPONSE_INVALID, `expected a length that is a whole number, found ${length}`);
  }
  return `\r\ncontent-length: ${length}`;
}
