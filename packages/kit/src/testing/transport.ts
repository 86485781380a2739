import { createConnection } from "@weir/wire";
import type { HttpHandler, WireClock } from "@weir/wire";
import type { Call } from "../call.ts";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import { createConnectTransport } from "../rpc/connect-transport.ts";
import type { SendAnswer, SendRequest } from "../rpc/http-send.ts";
import type { Implementation } from "../rpc/implement.ts";
import type { RpcOptions } from "../rpc/node/server.ts";
import { createRpcHandler } from "../rpc/node/server.ts";
import type { Transport } from "../rpc/transport.ts";
import { AnswerReader } from "./answer-reader.ts";

/** What `createTestTransport` may be told beside what the server side may be. */
export interface TestTransportOptions extends RpcOptions {
  /** Around the HTTP handler, for what an app puts there. Default none. */
  readonly wrap?: (handler: HttpHandler) => HttpHandler;
  /** What handlers see as `call.peer.address`. Default "memory". */
  readonly peerAddress?: string;
}

/**
 * Calls implementations in memory through the real stack: Connect encoding, the bytes of HTTP/1.1, wire's state machine, routing, layers,
 * handlers, and back. No port, no socket; with a virtual clock no time either. Each call is a connection of its own, which closes when
 * the answer has been read or the call ends.
 * @example const greeter = createClient(Greeter, createTestTransport([implement(Greeter, handlers)]));
 */
export function createTestTransport(implementations: readonly Implementation[], options: TestTransportOptions = {}): Transport {
  const rpc = createRpcHandler(implementations, options);
  const handler = options.wrap ? options.wrap(rpc) : rpc;
  const peer = { address: options.peerAddress ?? "memory", secure: false };
  const clock: WireClock | undefined = options.clock;
  return createConnectTransport((request, call) => exchange(request, call, { handler, peer, clock }));
}

interface MemoryServer {
  readonly handler: HttpHandler;
  readonly peer: { readonly address: string; readonly secure: boolean };
  readonly clock: WireClock | undefined;
}

function exchange(request: SendRequest, call: Call, server: MemoryServer): Promise<SendAnswer> {
  // Before anything is there that would have to be let go of.
  const head = headFrom(request);
  const reader = new AnswerReader(() => {
    call.signal.removeEventListener("abort", onAbort);
    // As a socket would: never from within the write that ended it.
    queueMicrotask(() => connection.closed());
  });
  const connection = createConnection(server.handler, { clock: server.clock, peer: server.peer }, reader);
  const onAbort = (): void => reader.fail(call.signal.reason as Error);
  call.signal.addEventListener("abort", onAbort, { once: true });
  reader.onRoom = () => connection.drained();
  connection.receive(head);
  void sendBody(request.body, (bytes) => connection.receive(bytes)).catch((thrown: unknown) => reader.fail(thrown as Error));
  return reader.answer;
}

function headFrom(request: SendRequest): Uint8Array {
  const lines = [`${request.method} ${request.target} HTTP/1.1`, "host: memory"];
  for (let index = 0; index + 1 < request.headers.length; index += 2) {
    const [name = "", value = ""] = request.headers.slice(index, index + 2);
    if (/[\r\n]/.test(name + value)) throw fault(kitReasons.PEER_ANSWER_INVALID, `Expected metadata without line breaks, found "${name}".`);
    lines.push(`${name}: ${value}`);
  }
  const { body } = request;
  if (body !== undefined) lines.push(body instanceof Uint8Array ? `content-length: ${body.length}` : "transfer-encoding: chunked");
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
}

async function sendBody(body: SendRequest["body"], write: (bytes: Uint8Array) => void): Promise<void> {
  if (body === undefined) return;
  if (body instanceof Uint8Array) {
    if (body.length > 0) write(body);
    return;
  }
  for await (const chunk of body) write(Buffer.concat([Buffer.from(`${chunk.length.toString(16)}\r\n`), chunk, Buffer.from("\r\n")]));
  write(Buffer.from("0\r\n\r\n"));
}
