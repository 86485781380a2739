import type { HttpHandler, HttpRequest } from "../http.ts";
import { createConnection, type ServerConnection } from "../http1/connection.ts";
import type { ServerOptions } from "../options.ts";
import { readBody } from "../read-body.ts";
import { MemoryOutput } from "./memory-output.ts";
import { turn } from "./turns.ts";

/** A server's connection in memory, with what it has written. */
export interface Conversation {
  readonly connection: ServerConnection;
  readonly output: MemoryOutput;
}

/** Opens one. */
export function conversation(handler: HttpHandler, options: ServerOptions = {}, roomBytes?: number): Conversation {
  const output = new MemoryOutput(roomBytes);
  const connection = createConnection(handler, options, output);
  output.onDestroy = () => connection.closed();
  return { connection, output };
}

/** Bytes of a text, one a character. */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}

/** What one connection made of its bytes: the requests a handler saw, and what it was answered. */
export interface Outcome {
  readonly requests: readonly string[];
  readonly answer: string;
  readonly ended: boolean;
}

/** Feeds `pieces` to a fresh connection, whose handler reads every body and answers 200, and tells what came of it. */
export async function outcomeOf(pieces: readonly Uint8Array[], options: ServerOptions & { readonly end?: boolean } = {}): Promise<Outcome> {
  const requests: string[] = [];
  const handler: HttpHandler = async (request) => {
    const at = requests.push("") - 1;
    requests[at] = await described(request);
    return { status: 200, headers: ["date", "now"], body: Buffer.from(String(at)) };
  };
  const { connection, output } = conversation(handler, options);
  for (const piece of pieces) {
    if (!output.destroyed) connection.receive(Buffer.from(piece), piece.length, true);
    await turn();
  }
  if (options.end === true && !output.destroyed) connection.end();
  await turn();
  await turn();
  return { requests, answer: output.text().replace(/\r\ndate: [^\r]*/g, ""), ended: output.ended || output.destroyed };
}

async function described(request: HttpRequest): Promise<string> {
  let body: string;
  let trailers: unknown;
  try {
    body = Buffer.from(await readBody(request.body, 1_000_000)).toString("latin1");
    trailers = request.body instanceof Uint8Array ? undefined : request.body?.trailers?.();
  } catch (thrown) {
    body = `failed: ${(thrown as { reason: string }).reason}`;
  }
  const { method, target, authority, headers, upgrade } = request;
  return JSON.stringify({ method, target, authority, headers, upgrade, body, trailers });
}
