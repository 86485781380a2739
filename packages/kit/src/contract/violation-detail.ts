import type { FaultDetail } from "../fault.ts";
import type { BinaryWriter } from "./binary-writer.ts";
import { bytesWritten } from "./binary-writer.ts";
import type { PathStep, Subscript, Violation } from "./validation.ts";

/** Violations as details of a Fault: a google.rpc.BadRequest for everybody, a buf.validate.Violations for who knows it. */
export function detailsFromViolations(violations: readonly Violation[]): FaultDetail[] {
  const fieldViolations = violations.map(({ field, message, ruleId }) => ({ field, description: message, reason: ruleId }));
  return [
    { typeName: "google.rpc.BadRequest", value: { fieldViolations }, bytes: badRequestBytes(violations) },
    { typeName: "buf.validate.Violations", value: { violations: violations.map(jsonOf) }, bytes: violationsBytes(violations) },
  ];
}

/** Source: google/rpc/error_details.proto. */
function badRequestBytes(violations: readonly Violation[]): Uint8Array {
  return bytesWritten((writer) => {
    for (const { field, message, ruleId } of violations) {
      const mark = writer.open(10);
      if (field !== "") writer.string(10, field);
      writer.string(18, message);
      writer.string(26, ruleId);
      writer.close(mark);
    }
  });
}

/** Source: protovalidate, buf/validate/validate.proto. */
function violationsBytes(violations: readonly Violation[]): Uint8Array {
  return bytesWritten((writer) => {
    for (const { path, ruleId, message, forKey } of violations) {
      const mark = writer.open(10);
      writer.string(18, ruleId);
      writer.string(26, message);
      writer.room(2);
      if (forKey) writer.bool(32, true);
      if (path.length > 0) {
        const field = writer.open(42);
        for (const step of path) writeStep(step, writer);
        writer.close(field);
      }
      writer.close(mark);
    }
  });
}

function writeStep({ name, subscript }: PathStep, writer: BinaryWriter): void {
  const mark = writer.open(10);
  writer.string(18, name);
  const kind = kindOf(subscript);
  writer.room(11);
  if (kind === "index") writer.uint64(48, BigInt(subscript as number));
  else if (kind === "boolKey") writer.bool(56, subscript as boolean);
  else if (kind === "intKey") writer.int64(64, subscript as bigint);
  else if (kind === "uintKey") writer.uint64(72, subscript as bigint);
  else if (kind === "stringKey") writer.string(82, subscript as string);
  writer.close(mark);
}

function jsonOf({ path, ruleId, message, forKey }: Violation): object {
  const elements = path.map(({ name, subscript }) => {
    const kind = kindOf(subscript);
    if (kind === undefined) return { fieldName: name };
    return { fieldName: name, [kind]: typeof subscript === "bigint" || typeof subscript === "number" ? `${subscript}` : subscript };
  });
  return { ...(elements.length > 0 ? { field: { elements } } : {}), ruleId, message, ...(forKey ? { forKey } : {}) };
}

function kindOf(subscript: Subscript | undefined): "index" | "boolKey" | "intKey" | "uintKey" | "stringKey" | undefined {
  if (typeof subscript === "number") return "index";
  if (typeof subscript === "boolean") return "boolKey";
  if (typeof subscript === "string") return "stringKey";
  if (typeof subscript === "bigint") return subscript < 2n ** 63n ? "intKey" : "uintKey";
  return undefined;
}
