import { fault } from "../fault.ts";
import type { Policies } from "../policy/policies.ts";
import type { MethodPolicyState } from "../policy/policy-state.ts";
import { policyReasons } from "../policy/reasons.ts";
import type { AdminPage } from "./admin-pages.ts";

const words = ["auto", "closed", "open"] as const;
const reasonLengthMax = 500;

/**
 * `/policies`: what guards each method, where every value came from, and what breakers, bulkheads and shedding do now. POST
 * `{"target", "method", "breaker": "open" | "closed" | "auto", "reason", "forMs"?}` overrides a breaker; who does has to say why.
 */
export function policyPage(policies: Policies): AdminPage {
  return {
    show: () => ({ shared: policies.shared(), methods: policies.state() }),
    html: () => htmlOf(policies),
    change(value) {
      const { target, method, breaker, reason, forMs } = objectFrom(value);
      const by = words.find((word) => word === breaker);
      if (typeof target !== "string" || typeof method !== "string" || by === undefined)
        throw refused(`target, method and breaker ("auto", "closed" or "open")`, value);
      if (typeof reason !== "string" || reason.trim() === "" || reason.length > reasonLengthMax)
        throw refused(`a reason of 1 to ${reasonLengthMax} characters`, reason);
      if (forMs !== undefined && !(typeof forMs === "number" && forMs >= 1)) throw refused("forMs in milliseconds, from 1", forMs);
      policies.overrideBreaker({ target, method, by, reason, ...(forMs !== undefined && { forMs }) });
      return policies.state().find((one) => one.side === "client" && one.target === target && one.method === method);
    },
  };
}

function objectFrom(value: unknown): Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null) throw refused("an object", value);
  return value as Readonly<Record<string, unknown>>;
}

function refused(expected: string, found: unknown): Error {
  return fault(policyReasons.POLICY_INVALID, `Expected ${expected}, found ${(JSON.stringify(found) ?? "nothing").slice(0, 100)}.`);
}

function htmlOf(policies: Policies): string {
  const shared = Object.entries(policies.shared()).map(([name, state]) => `<h2>${escaped(name)}</h2>${pre(state)}`);
  const methods = policies.state().map(methodHtml);
  const style = "body{font:14px system-ui;margin:2em}td,th{text-align:left;padding:.1em 1em .1em 0}pre{white-space:pre-wrap}";
  return `<!doctype html><meta charset="utf-8"><title>policies</title><style>${style}</style><h1>Policies</h1>${[...shared, ...methods].join("\n")}\n`;
}

function methodHtml({ side, target, method, order, values, parts }: MethodPolicyState): string {
  const said = Object.entries(values).filter(([, { from }]) => from !== "default");
  const rows = [...said, ...Object.entries(values).filter(([, { from }]) => from === "default")].map(
    ([path, { value, from }]) => `<tr><td>${escaped(path)}<td>${escaped(String(value))}<td>${escaped(from)}`,
  );
  const states = Object.entries(parts).map(([name, state]) => `<h3>${escaped(name)}</h3>${pre(state)}`);
  const title = side === "client" ? `calls of ${method} at ${target}` : `${method}, served`;
  return `<h2>${escaped(title)}</h2><p>${escaped(order.join(" → ") || "nothing guards it")}</p><details><summary>values</summary><table>${rows.join("")}</table></details>${states.join("")}`;
}

function pre(value: unknown): string {
  return `<pre>${escaped(JSON.stringify(value, undefined, 1) ?? "")}</pre>`;
}

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");
}
