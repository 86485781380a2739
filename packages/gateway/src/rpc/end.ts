import type { Fault } from "@weir/kit/fault";
import { bytesFromEnvelope, envelopeEnd } from "@weir/kit/rpc/envelope";
import { errorJsonFromFault } from "@weir/kit/rpc/error-json";
import { trailersFromFault } from "@weir/kit/rpc/grpc-status";
import { bytesFromTrailers, textFromBody } from "@weir/kit/rpc/grpc-web";
import type { HeaderList } from "@weir/wire";
import type { RpcForm } from "./form.ts";

/** Who gives the reasons of the gateway's own, in ErrorInfo. */
export const gatewayDomain = "weir.gateway";
const encoder = new TextEncoder();

/** The trailers of a call that failed. `domain` is who gives the reason; "" keeps it at home, here and below. */
export function failureTrailers(fault: Fault, domain: string): HeaderList {
  return trailersFromFault(fault, domain);
}

/** The error of Connect, with the reason beside it for people who read it. */
export function failureJson(fault: Fault, domain: string): Uint8Array {
  const reason = domain === "" ? undefined : fault.reason || undefined;
  return encoder.encode(JSON.stringify({ ...errorJsonFromFault(fault, domain), reason }));
}

/** What ends a body of envelopes when its call has failed; undefined where trailers do that, or nothing. */
export function failureEnvelope(form: RpcForm, fault: Fault, domain: string): Uint8Array | undefined {
  switch (form) {
    case "grpc-web":
      return bytesFromTrailers(failureTrailers(fault, domain));
    case "grpc-web-text":
      return textFromBody(bytesFromTrailers(failureTrailers(fault, domain)));
    case "connect-stream":
      return bytesFromEnvelope(envelopeEnd, encoder.encode(JSON.stringify({ error: errorJsonFromFault(fault, domain) })));
    case "grpc":
    case "connect":
      return undefined;
  }
}
