import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionSink } from "./http1/output.ts";
import { ProtocolChoice } from "./protocol-choice.ts";

class Heard implements ConnectionSink {
  text = "";
  readonly events: string[] = [];

  receive(bytes: Uint8Array, end: number): void {
    this.text += Buffer.from(bytes.subarray(0, end)).toString("latin1");
  }

  end(): void {
    this.events.push("end");
  }

  drained(): void {
    this.events.push("drained");
  }

  closed(): void {
    this.events.push("closed");
  }
}

/** Feeds pieces to whichever sink is chosen, then ends. */
function outcomeOf(pieces: readonly string[]): { readonly chosen: string; readonly text: string } {
  const http1 = new Heard();
  const http2 = new Heard();
  let sink: ConnectionSink = new ProtocolChoice({ http1, http2: () => http2, chosen: (made) => void (sink = made) });
  for (const piece of pieces) sink.receive(Buffer.from(piece, "latin1"), piece.length, true);
  sink.end();
  const chosen = http2.events.length > 0 ? "http2" : "http1";
  if (chosen === "http2") assert.deepEqual(http1.events, ["closed"]);
  return { chosen, text: http1.text + http2.text };
}

const beginnings: readonly (readonly [text: string, chosen: string])[] = [
  ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nframes", "http2"],
  ["GET / HTTP/1.1\r\n\r\n", "http1"],
  ["PRI * HTTP/1.1\r\n\r\n", "http1"],
  ["PROPFIND /a HTTP/1.1\r\n\r\n", "http1"],
  ["POST / HTTP/1.1\r\n\r\n", "http1"],
  ["PR", "http1"],
];

for (const [text, chosen] of beginnings) {
  test(`the first bytes ${JSON.stringify(text)} choose ${chosen}, however they are cut, and none is lost`, () => {
    assert.deepEqual(outcomeOf([text]), { chosen, text });
    assert.deepEqual(outcomeOf(text.split("")), { chosen, text });
    for (let at = 1; at < text.length; at += 1) assert.deepEqual(outcomeOf([text.slice(0, at), text.slice(at)]), { chosen, text });
  });
}
