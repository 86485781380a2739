import type { Fault } from "../../fault.ts";
import { bytesFromEnvelope, envelopeEnd } from "../envelope.ts";
import { errorJsonFromFault } from "../error-json.ts";
import { contentTypeStream, endStreamJson } from "../protocol-connect.ts";

/** How a protocol writes the messages of a server stream. */
export interface Frames {
  readonly rest: boolean;
  readonly headers: readonly string[];
  message(text: string): Uint8Array;
  /** What comes after the last message: with the Fault that ended the stream, and the metadata that came too late for the headers. */
  end(ending: StreamEnding): Uint8Array | undefined;
}

/** How a stream ended. */
export interface StreamEnding {
  readonly fault: Fault | undefined;
  readonly domain: string;
  readonly metadata: readonly string[];
}

/** Connect: enveloped messages, then the end message. */
export const connectFrames: Frames = {
  rest: false,
  headers: ["content-type", contentTypeStream],
  message: (text) => bytesFromEnvelope(0, Buffer.from(text)),
  end({ fault, domain, metadata }) {
    return bytesFromEnvelope(envelopeEnd, Buffer.from(endStreamJson(fault && errorJsonFromFault(fault, domain), metadata)));
  },
};

/**
 * REST, when the client accepts text/event-stream: each message is a `message` event; the last event is `end`, or `fault` with the error
 * JSON, so that a page can tell both from a broken connection and close its EventSource. Source: HTML, "Server-sent events".
 */
export const eventFrames: Frames = {
  rest: true,
  headers: ["content-type", "text/event-stream", "cache-control", "no-store"],
  message: (text) => Buffer.from(`data: ${text}\n\n`),
  end({ fault, domain }) {
    return Buffer.from(fault ? `event: fault\ndata: ${faultText(fault, domain)}\n\n` : "event: end\ndata: {}\n\n");
  },
};

/**
 * REST otherwise: newline-delimited JSON, each line `{"result": message}`, and `{"error": …}` as the last line of a stream that failed.
 * A stream that ends without an error line, by a whole body, is complete.
 */
export const lineFrames: Frames = {
  rest: true,
  headers: ["content-type", "application/x-ndjson", "cache-control", "no-store"],
  message: (text) => Buffer.from(`{"result":${text}}\n`),
  end({ fault, domain }) {
    return fault && Buffer.from(`{"error":${faultText(fault, domain)}}\n`);
  },
};

function faultText(fault: Fault, domain: string): string {
  const json = errorJsonFromFault(fault, domain);
  return JSON.stringify({ code: json.code, reason: fault.reason, message: json.message, details: json.details });
}
