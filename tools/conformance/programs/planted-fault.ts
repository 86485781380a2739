import process from "node:process";
import type { Body, HttpHandler } from "@weir/wire";

/** Whether the program is to lose trailers: then the suite must find fault with it, or it would find none with anything. */
export const losesTrailers: boolean = process.argv.includes("--without-trailers");

/** A server that forgets the trailers of its answers. */
export function withoutTrailers(handler: HttpHandler): HttpHandler {
  return async (request, exchange) => {
    const answer = await handler(request, exchange);
    return answer.body === undefined ? answer : { ...answer, body: withoutThem(answer.body) };
  };
}

function withoutThem(body: NonNullable<Body>): Body {
  return body instanceof Uint8Array ? body : { [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() };
}
