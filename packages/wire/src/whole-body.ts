import type { Body, BodyStream, HeaderList } from "./http.ts";

/** A body that is there already, with trailers behind it: a unary answer of gRPC. `bytes` must not change any more. */
export function bodyWithTrailers(bytes: Uint8Array, trailers: HeaderList | undefined): BodyStream {
  return new WholeBody(bytes, trailers);
}

/** The trailers of a body that is there already; undefined for any other. */
export function wholeTrailers(body: Body): HeaderList | undefined {
  return body === undefined || body instanceof Uint8Array || body.whole === undefined ? undefined : body.trailers?.();
}

class WholeBody implements BodyStream {
  readonly whole: Uint8Array;
  readonly #trailers: HeaderList | undefined;

  constructor(bytes: Uint8Array, trailers: HeaderList | undefined) {
    this.whole = bytes;
    this.#trailers = trailers;
  }

  trailers(): HeaderList | undefined {
    return this.#trailers;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, undefined> {
    if (this.whole.length > 0) yield this.whole;
  }
}
