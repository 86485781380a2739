import type { ClientRequest } from "@weir/wire";
import type { ServiceDescriptor } from "../../../contract/contract.ts";

/** Methods of HTTP that may be sent twice. RFC 9110 §9.2.2. */
const repeatable = new Set(["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"]);

/** Whether a request may be sent twice as far as HTTP knows: by its method. */
export function isIdempotentMethod({ method }: ClientRequest): boolean {
  return repeatable.has(method);
}

/**
 * Whether a request may be sent twice as far as contracts know: calls of methods with `idempotency_level`, whatever protocol carries them;
 * other requests by their HTTP method.
 * @example createBalancedClient({ target, retry: { isIdempotent: idempotentCalls([Feed]) } })
 */
export function idempotentCalls(services: readonly ServiceDescriptor[]): (request: ClientRequest) => boolean {
  const methods = services.flatMap((service) => Object.values(service.methods));
  const paths = new Set(methods.filter(({ idempotency }) => idempotency !== "none").map(({ path }) => path));
  return (request) => isIdempotentMethod(request) || paths.has(request.target);
}
