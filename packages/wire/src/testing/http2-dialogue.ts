import { ClientCall, type ClientRequest, type ClientResponse, type RequestOptions } from "../client-call.ts";
import { clientSettingsFrom } from "../client-options.ts";
import { Http2ClientConnection, type Http2ClientOwner } from "../http2/client-connection.ts";
import { http2ClientSettingsFrom, type Http2ClientOptions } from "../http2/client-options.ts";
import type { WireError } from "../reasons.ts";
import { bytesOf, frame, framesOf, joined, settings, type SeenFrame } from "./http2-wire.ts";
import { MemoryOutput } from "./memory-output.ts";
import { turn } from "./turns.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** Head of an answer of gRPC. */
export const ok: readonly string[] = [":status", "200", "content-type", "application/grpc"];
/** A unary call. */
export const unary: ClientRequest = {
  method: "POST",
  target: "/a.B/C",
  headers: ["content-type", "application/grpc"],
  body: bytesOf("ask"),
};

/** A client's HTTP/2 connection in memory, and the test as its origin. */
export interface Dialogue {
  readonly connection: Http2ClientConnection;
  readonly output: MemoryOutput;
  readonly clock: VirtualClock;
  readonly events: string[];
  /** Frames written so far, without the preface. */
  frames(): SeenFrame[];
  /** Sends a request; the connection has to have room. */
  ask(request?: ClientRequest, options?: RequestOptions): Promise<ClientResponse>;
}

/** Opens one. Unless `ready` is false, the origin has said its SETTINGS. */
export function dialogue(options: Http2ClientOptions & { readonly ready?: boolean } = {}): Dialogue {
  const clock = new VirtualClock();
  const output = new MemoryOutput();
  const events: string[] = [];
  const owner: Http2ClientOwner = {
    roomy: () => void events.push("roomy"),
    retired: () => void events.push("retired"),
    gone: (_connection, error) => void events.push(`gone ${error.reason}`),
  };
  const made = { ...clientSettingsFrom({ host: "a.example", port: 80, clock }), http2: http2ClientSettingsFrom(options) };
  const connection = new Http2ClientConnection(made, owner, { output, peer: { address: "memory", secure: false } });
  output.onDestroy = () => connection.closed();
  connection.opened();
  if (options.ready !== false) connection.receive(joined(settings(), frame([4, 1], 0)));
  return {
    connection,
    output,
    clock,
    events,
    frames: () => framesOf(Buffer.concat(output.writes).subarray(24)),
    ask: (request = unary, requestOptions = {}) =>
      new Promise((resolve, reject) => {
        const deadlineMs = requestOptions.timeoutMs === undefined ? Infinity : clock.monotonicMs() + requestOptions.timeoutMs;
        connection.send(new ClientCall(request, requestOptions, { deadlineMs, resolve, reject }));
      }),
  };
}

/** How a promise ended, once everything ready has run. */
export async function outcome(promise: Promise<unknown>): Promise<string> {
  let told = "pending";
  promise.then(
    () => (told = "answered"),
    (error: WireError) => (told = `${error.reason} sent=${error.sent} answered=${error.answered}`),
  );
  await turn();
  return told;
}
