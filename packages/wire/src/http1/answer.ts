import type { HttpResponse } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import { headerLinesFrom, statusLine } from "./serialise.ts";

/** How the body of an answer will be written. */
export type AnswerFraming = "none" | "whole" | "length" | "chunked" | "close";

/** An answer's head as text, and how its body goes. */
export interface AnswerHead {
  readonly text: string;
  readonly framing: AnswerFraming;
  readonly keepAlive: boolean;
}

/** What the codec knows of an answer beside the answer. */
export interface AnswerOptions {
  readonly isHead: boolean;
  readonly version: "1.0" | "1.1";
  readonly keepAlive: boolean;
  readonly upgrade: string | undefined;
  readonly dateLine: string;
}

/** Writes an answer's head. Throws RESPONSE_INVALID or RESPONSE_HEADER_INVALID when it cannot be sent as it is. */
export function answerHeadFrom(response: HttpResponse, options: AnswerOptions): AnswerHead {
  const { status, body } = response;
  if (status < 200) return switchingFrom(response, options);
  const start = statusLine(status);
  const lines = headerLinesFrom(response.headers, wireReasons.RESPONSE_HEADER_INVALID);
  let framing: AnswerFraming;
  let framingLine = "";
  let { keepAlive } = options;
  if (options.isHead || status === 204 || status === 304) {
    framing = "none";
    const length = response.lengthOfGet ?? (options.isHead ? body?.length : undefined);
    if (length !== undefined && status !== 204) framingLine = lengthLine(length);
  } else if (body === undefined) {
    framing = "none";
    framingLine = "content-length: 0\r\n";
  } else if (body instanceof Uint8Array) {
    framing = "whole";
    framingLine = lengthLine(body.length);
  } else if (body.length !== undefined) {
    framing = "length";
    framingLine = lengthLine(body.length);
  } else if (options.version === "1.0") {
    framing = "close";
    keepAlive = false;
  } else {
    framing = "chunked";
    framingLine = "transfer-encoding: chunked\r\n";
  }
  const end = keepAlive ? "\r\n" : "connection: close\r\n\r\n";
  return { text: start + lines.text + (lines.dated ? "" : options.dateLine) + framingLine + end, framing, keepAlive };
}

function lengthLine(length: number): string {
  if (!Number.isSafeInteger(length) || length < 0) {
    throw new WireError(wireReasons.RESPONSE_INVALID, `expected a length that is a whole number, found ${length}`);
  }
  return `content-length: ${length}\r\n`;
}

function switchingFrom(response: HttpResponse, options: AnswerOptions): AnswerHead {
  if (response.status !== 101 || response.takeOver === undefined || options.upgrade === undefined) {
    throw new WireError(
      wireReasons.RESPONSE_INVALID,
      `expected a status from 200, or 101 with takeOver for a request that asks for an upgrade, found ${response.status}`,
    );
  }
  const lines = headerLinesFrom(response.headers, wireReasons.RESPONSE_HEADER_INVALID);
  const text = `${statusLine(101)}${lines.text}connection: upgrade\r\nupgrade: ${options.upgrade}\r\n\r\n`;
  return { text, framing: "none", keepAlive: true };
}
