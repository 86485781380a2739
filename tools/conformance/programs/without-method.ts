import type { Implementation } from "@weir/kit/rpc/implement";

/** Both suites have a method that nobody is to implement: what a server says of it by itself is the case. */
export function withoutMethod(implementation: Implementation, localName: string): Implementation {
  const methods = implementation.methods.filter(({ descriptor }) => descriptor.localName !== localName);
  return { ...implementation, methods };
}

/** Stands where `implement` wants a handler for that method. */
export function nobody(): never {
  throw new Error("expected that no request comes this far");
}
