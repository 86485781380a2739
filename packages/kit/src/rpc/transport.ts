import type { Call } from "../call.ts";
import type { MethodDescriptor } from "../contract/contract.ts";
import type { Message } from "../service.ts";

/**
 * Carries one call to whoever answers the method and brings the answer back. Rejects with a Fault; a stream that breaks
 * rejects while it is read. It honours the end of the call and sends `call.metadata`; what came back beside the message is added to
 * `call.replyMetadata` and `call.replyTrailers`. Made by createFetchTransport (browser), createWireTransport (Node), createTestTransport (memory).
 */
export type Transport = <Q, R>(method: MethodDescriptor<Q, R>, message: Message<Q>, call: Call) => Promise<Message<R>>;
