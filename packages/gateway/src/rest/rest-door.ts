import type { Call } from "@weir/kit/call";
import type { ServiceDescriptor } from "@weir/kit/contract";
import type { Implementation } from "@weir/kit/rpc/implement";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import { createWireTransport } from "@weir/kit/rpc/node/transport";
import type { Transport } from "@weir/kit/rpc/transport";
import { leaveBody, madeBody } from "../http/made-body.ts";
import type { BodyStream, Client, ClientResponse, Exchange, HttpHandler, HttpRequest, HttpResponse, ClientRequest } from "@weir/wire";

/** Sends one call of gRPC on its way to an endpoint. `isStream` says whether its answer may go on. */
export type SendCall = (request: ClientRequest, about: { readonly isStream: boolean }) => Promise<HttpResponse>;

/** A door through which services of gRPC are asked by REST and Connect. */
export type RestDoor = (request: HttpRequest, send: SendCall) => Promise<HttpResponse>;

/** How a door is made. */
export interface RestDoorOptions {
  /** Whether its refusals carry their reason as a google.rpc.ErrorInfo. */
  readonly errorInfo: boolean;
}

/**
 * A door to these services. It is a server of the kit whose every method passes its message to the endpoint by gRPC: so
 * rules, streams and errors are those that a Weir app has.
 */
export function createRestDoor(services: readonly ServiceDescriptor[], { errorInfo }: RestDoorOptions): RestDoor {
  // The call of a method tells by the peer's address which request it belongs to.
  const underWay = new Map<string, SendCall>();
  let next = 0;
  const implementations = services.map((descriptor): Implementation => {
    const methods = Object.values(descriptor.methods).map((method) => {
      const isStream = method.kind !== "unary";
      const service = (message: Parameters<Transport>[1], call: Call): ReturnType<Transport> => {
        const send = underWay.get(call.peer.address) as SendCall;
        return createWireTransport({ client: clientOver(send, isStream), protocol: "grpc" })(method, message, call);
      };
      return { descriptor: method, service };
    });
    return { descriptor, methods };
  });
  // Time is the gateway's business: it ends what it sent.
  const handler: HttpHandler = createRpcHandler(implementations, { timeoutMsMax: Infinity, errorInfo });
  return async (request, send) => {
    const peerAddress = `rest:${next++}`;
    const exchange: Exchange = { peerAddress, secure: false, version: "1.1", onCancel() {} };
    underWay.set(peerAddress, send);
    const over = (): void => void underWay.delete(peerAddress);
    const response = await handler(request, exchange);
    const { body } = response;
    if (body === undefined || body instanceof Uint8Array) over();
    else return { ...response, body: endedWith(body, over) };
    return response;
  };
}

/** The same body; runs `over` when it has ended or been left. */
function endedWith(body: BodyStream, over: () => void): BodyStream {
  const chunks = (async function* () {
    try {
      yield* body;
    } finally {
      over();
    }
  })();
  const leave = (): void => {
    leaveBody(body);
    over();
  };
  return madeBody(chunks, { length: body.length, trailers: () => body.trailers?.(), leave });
}

/** What a transport needs of a client of wire: the pool behind it is the gateway's. */
function clientOver(send: SendCall, isStream: boolean): Client {
  const nothing = (): Promise<void> => Promise.resolve();
  return {
    state: { open: 0, idle: 0, inFlight: 0, waiting: 0 },
    request: (request) => send(request, { isStream }) as Promise<ClientResponse>,
    drain: nothing,
    close: nothing,
  };
}
