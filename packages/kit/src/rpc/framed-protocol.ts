import type { Call } from "../call.ts";
import type { Fault } from "../fault.ts";
import type { SendAnswer } from "./http-send.ts";
import type { MessageCodec } from "./message-codec.ts";
import type { CompressionSettings } from "./protocol-options.ts";

/** How an answer ended: its fault, if it failed, and the metadata that came at the end. */
export interface AnswerEnd {
  readonly fault: Fault | undefined;
  readonly metadata: readonly string[];
}

/** Where the end of an answer may stand. */
export interface EndFound {
  readonly answer: SendAnswer;
  /** Messages that came before. */
  readonly frames: number;
  /** The data of the message that had `endFlag`. */
  readonly frame: Uint8Array | undefined;
  /** HTTP trailers. */
  readonly trailers: readonly string[] | undefined;
}

/** What differs between the protocols that envelope their messages. */
export interface FramedProtocol {
  /** The flag of the message that ends an answer: 2 for Connect, 128 for gRPC-Web; 0 when HTTP trailers end it, as for gRPC. */
  readonly endFlag: number;
  /** The header that names what messages of an answer are compressed with. */
  readonly encodingHeader: string;
  /** Headers of a request: protocol, deadline, trace, then the call's own metadata. */
  requestHeaders(call: Call): string[];
  /** What the head of an answer means when no messages follow; undefined when they do. A promise when it has to read the body. */
  refusal(answer: SendAnswer): Fault | Promise<Fault> | undefined;
  /** What stands at the end of an answer. Throws STREAM_TRUNCATED when there is nothing. */
  end(found: EndFound): AnswerEnd;
}

/** What the exchanges of one transport share. */
export interface FramedSettings {
  readonly protocol: FramedProtocol;
  readonly codec: MessageCodec;
  readonly compression: CompressionSettings;
  readonly answerBytesMax: number;
}
