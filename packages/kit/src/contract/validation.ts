import { fault } from "../fault.ts";
import type { Fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";
import type { MessageType } from "./contract.ts";
import { detailsFromViolations } from "./violation-detail.ts";

/** Place of an item in a list, or key of an entry of a map: text, an integer key as bigint, or a bool. */
export type Subscript = number | string | bigint | boolean;

/** One step on the way to what breaks a rule. */
export interface PathStep {
  /** As in the contract: "page_size". */
  readonly name: string;
  readonly subscript: Subscript | undefined;
}

/** A rule of `buf.validate` that a message breaks. */
export interface Violation {
  /** Where: "films[2].title", `labels["zone"]`; empty for the message itself. Names as in the contract. */
  readonly field: string;
  /** The same, step by step. */
  readonly path: readonly PathStep[];
  /** "string.min_len", "required". */
  readonly ruleId: string;
  /** For people: "must be at least 3 characters". */
  readonly message: string;
  /** Whether the key of the entry is meant and not its value. */
  readonly forKey: boolean;
}

/** How many violations of a message are told. */
export const violationsMax = 100;

const depthMax = 100;

/** What `validate` of every type with rules does: all violations in the order of the contract, at most 100; none when all is well. */
export function violationsOf<T>(
  type: MessageType<T>,
  message: T,
  options: { readonly nowMs?: number | undefined } = {},
): readonly Violation[] {
  const found = new Validation(options.nowMs ?? Date.now());
  type.check?.(message, found);
  return found.violations;
}

/** VALIDATION_FAILED for violations, with a `google.rpc.BadRequest` and a `buf.validate.Violations`. */
export function validationFault(typeName: string, violations: readonly Violation[]): Fault {
  const [first] = violations;
  const more = violations.length > 1 ? `, and ${violations.length - 1} more` : "";
  const where = first === undefined || first.field === "" ? typeName : `${typeName} field ${first.field}`;
  const text = `${where}: ${first?.message ?? "it breaks a rule"} [${first?.ruleId ?? ""}]${more}`;
  return fault(kitReasons.VALIDATION_FAILED, text, { details: detailsFromViolations(violations) });
}

/**
 * One message being looked at: where the check stands, and what it has found. A class because generated code walks in it,
 * up to 100 messages deep, and nothing may be made for a message that breaks no rule.
 */
export class Validation {
  readonly violations: Violation[] = [];
  readonly nowMs: number;
  readonly #names: string[] = [];
  readonly #subscripts: (Subscript | undefined)[] = [];

  constructor(nowMs: number) {
    this.nowMs = nowMs;
  }

  /** Goes into the message in a field. Throws MESSAGE_INVALID when more than 100 lie in each other. */
  enter(name: string, subscript?: Subscript): void {
    if (this.#names.length >= depthMax) {
      throw fault(kitReasons.MESSAGE_INVALID, `Message field ${name}: expected at most ${depthMax} nested messages, found more`);
    }
    this.#names.push(name);
    this.#subscripts.push(subscript);
  }

  /** Back to the message above. */
  leave(): void {
    this.#names.pop();
    this.#subscripts.pop();
  }

  /** Notes a violation of a field here; "" for the message itself. */
  add(name: string, rule: readonly [id: string, message: string], subscript?: Subscript): void {
    this.#note(name, rule, { subscript, forKey: false });
  }

  /** Notes a violation of the key of an entry of a map. */
  addKey(name: string, rule: readonly [id: string, message: string], subscript: Subscript): void {
    this.#note(name, rule, { subscript, forKey: true });
  }

  #note(name: string, [ruleId, message]: readonly [string, string], { subscript, forKey }: Noted): void {
    if (this.violations.length >= violationsMax) return;
    const path = this.#names.map((above, index): PathStep => ({ name: above, subscript: this.#subscripts[index] }));
    if (name !== "") path.push({ name, subscript });
    this.violations.push({ field: path.map(textOfStep).join("."), path, ruleId, message, forKey });
  }
}

interface Noted {
  readonly subscript: Subscript | undefined;
  readonly forKey: boolean;
}

function textOfStep({ name, subscript }: PathStep): string {
  if (subscript === undefined) return name;
  return `${name}[${typeof subscript === "string" ? JSON.stringify(subscript) : subscript}]`;
}
