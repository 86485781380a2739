import type { Socket } from "node:net";
import { connect } from "node:net";

/** A server that has said nothing for so long waits for more, unless it has answered nothing yet: then for so long. */
const quietMs = 10;
const silentMs = 40;
/** Whoever has not closed by then never will. */
const closeMs = 1500;

/** A busy machine must not be taken for a quiet server where it is known how many answers must come. */
const answerMs = 1000;

/**
 * Sends raw bytes (one character each) on a connection of its own and answers all that came back, likewise. Our direction stays
 * open until `answers` final answers have come (0: nobody knows how many), or the other side is quiet: many servers take its end
 * for a client that has gone.
 */
export function sendRaw(port: number, bytes: string, answers: number = 0): Promise<string> {
  return new Promise((resolve) => {
    let text = "";
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true, allowHalfOpen: true });
    const isAnswered = (): boolean => answers > 0 && statusesIn(text).length >= answers;
    const end = (): void => {
      if (!socket.writableEnded) socket.end();
    };
    let quiet = setTimeout(end, answers > 0 ? answerMs : silentMs);
    const closing = setTimeout(() => socket.destroy(), closeMs);
    socket.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      clearTimeout(quiet);
      quiet = setTimeout(end, isAnswered() ? 1 : answers > 0 ? answerMs : quietMs);
    });
    socket.on("end", () => socket.destroy());
    // A server that refuses may close before it has read all: what it said counts.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      clearTimeout(quiet);
      clearTimeout(closing);
      resolve(text);
    });
    socket.write(bytes, "latin1");
  });
}

/** The status codes of final answers, in order, as far as their heads can be told from what precedes them. */
export function statusesIn(bytes: string): number[] {
  return [...bytes.matchAll(/HTTP\/1\.[01] (\d{3})[ \r]/g)].map((match) => Number(match[1])).filter((status) => status >= 200);
}
