import type { Fault } from "../../fault.ts";
import { errorJsonFromFault } from "../error-json.ts";
import { faultAnswer } from "./answer.ts";
import type { StreamDialect } from "./dialect.ts";
import { addReply } from "./reply.ts";
import { checkAnswerBytes } from "./rpc-server.ts";

/** The answer of a method as JSON text. */
type TextOf = (message: unknown) => string;

/**
 * REST, when the client accepts text/event-stream: each message is a `message` event; the last event is `end`, or `fault` with the error
 * JSON, so that a page can tell both from a broken connection and close its EventSource. Source: HTML, "Server-sent events".
 */
export function createEventStream(text: TextOf): StreamDialect {
  return restStream("text/event-stream", {
    message: (message) => `data: ${text(message)}\n\n`,
    end: (fault, domain) => (fault ? `event: fault\ndata: ${faultText(fault, domain)}\n\n` : "event: end\ndata: {}\n\n"),
  });
}

/**
 * REST otherwise: newline-delimited JSON, each line `{"result": message}`, and `{"error": …}` as the last line of a stream that failed.
 * A stream that ends without an error line, by a whole body, is complete.
 */
export function createLineStream(text: TextOf): StreamDialect {
  return restStream("application/x-ndjson", {
    message: (message) => `{"result":${text(message)}}\n`,
    end: (fault, domain) => fault && `{"error":${faultText(fault, domain)}}\n`,
  });
}

interface RestFrames {
  message(message: unknown): string;
  end(fault: Fault | undefined, domain: string): string | undefined;
}

/** The head goes out at once: it holds nothing that a browser waits for longer than for the stream itself. */
function restStream(contentType: string, frames: RestFrames): StreamDialect {
  return {
    headWaits: "no",
    head(_asked, call) {
      const headers = ["content-type", contentType, "cache-control", "no-store"];
      addReply(headers, call.replyMetadata, 0);
      return headers;
    },
    frame(message, asked) {
      const bytes = Buffer.from(frames.message(message));
      checkAnswerBytes(bytes.length, asked);
      return bytes;
    },
    end({ fault, domain }) {
      const text = frames.end(fault, domain);
      return text === undefined ? undefined : Buffer.from(text);
    },
    trailers: () => undefined,
    refuse: (found, { domain, call }) => faultAnswer(found, { rest: true, domain, call }),
  };
}

/** The error JSON of a Fault as REST writes it. */
export function faultText(fault: Fault, domain: string): string {
  const json = errorJsonFromFault(fault, domain);
  return JSON.stringify({ code: json.code, reason: fault.reason, message: json.message, details: json.details });
}
