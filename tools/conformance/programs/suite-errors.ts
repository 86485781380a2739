import { Error as SuiteError } from "#suites/connectrpc/conformance/v1/service.weir.ts";
import type { Any } from "@weir/kit/contract/well-known";
import type { Code, Fault } from "@weir/kit/fault";
import { codes, fault } from "@weir/kit/fault";
import { completed } from "./complete-any.ts";

/** The Fault that a case asks a handler to throw. It has no reason: the suite counts the details, and allows none of our own. */
export function faultFromError({ code, message, details }: SuiteError, more: readonly Any[]): Fault {
  const name = (Object.keys(codes) as Code[]).find((one) => codes[one].grpc === code) ?? "UNKNOWN";
  const all = [...details, ...more].map(completed);
  return fault({ reason: "", code: name }, message ?? "", {
    details: all.map(({ typeUrl, json, value }) => ({ typeName: typeUrl.slice(typeUrl.lastIndexOf("/") + 1), value: json, bytes: value })),
  });
}

/** What a caller was told, as the suite writes it. */
export function errorFromFault(found: Fault): SuiteError {
  return SuiteError.create({
    code: codes[found.code].grpc,
    message: found.message,
    details: found.details.map(({ typeName, bytes }) => ({
      typeUrl: `type.googleapis.com/${typeName}`,
      value: bytes ?? new Uint8Array(0),
    })),
  });
}
