import type { HeaderList, HttpResponse } from "@weir/wire";
import type { Call } from "../../call.ts";
import type { Fault } from "../../fault.ts";
import type { Asked } from "./rpc-server.ts";

/** What a refusal is said with beside its Fault. */
export interface RefusalContext {
  /** Full name of the service, or "weir" when none was reached. */
  readonly domain: string;
  /** Undefined before the call began. */
  readonly call?: Call | undefined;
}

/** How a protocol says that a call failed before it answered anything. */
export interface Refusing {
  refuse(found: Fault, context: RefusalContext): HttpResponse;
}

/** How a protocol says the one answer of a unary method. */
export interface UnaryDialect extends Refusing {
  answer(message: unknown, asked: Asked, call: Call): HttpResponse | Promise<HttpResponse>;
}

/** How a protocol says the messages of a stream. */
export interface StreamDialect extends Refusing {
  /**
   * Whether the head waits for what comes first, so that it can hold what a handler adds to it, or a status: not at all, for a while,
   * or as long as it takes.
   */
  readonly headWaits: "no" | "while" | "always";
  /** `first` is the first message, if it has been waited for and came. */
  head(asked: Asked, call: Call, first: unknown): HeaderList;
  frame(message: unknown, asked: Asked): Uint8Array | Promise<Uint8Array>;
  /** What the body ends with; undefined for nothing. */
  end(ending: StreamEnding): Uint8Array | undefined;
  /** What follows the body. */
  trailers(ending: StreamEnding): HeaderList | undefined;
}

/** How a stream ended. */
export interface StreamEnding {
  readonly fault: Fault | undefined;
  readonly domain: string;
  /** Trailers of the call, and what came too late for the head. */
  readonly metadata: readonly string[];
}
