import type { DirectView } from "./run.ts";

/** Why our server takes what another one refuses. */
interface Justification {
  /** Matches the id of a case. */
  readonly cases: RegExp;
  /** Where the rule stands. */
  readonly rule: string;
  readonly why: string;
}

/** What our server takes though at least one of the others refuses it. Whatever is not named here is a finding. */
export const justifications: readonly Justification[] = [
  {
    cases: /^request line: (get|Get|FOO|M-SEARCH|!#.*|PROPFIND|PATCH)$/,
    rule: "RFC 9110 §9.1, §16.1.1",
    why: "a method is any token, case-sensitive; whoever serves answers 405 or 501 to those it does not know",
  },
  {
    cases: /^(content-length|transfer-encoding) value: \\t(5|chunked)\\t$/,
    rule: "RFC 9110 §5.5, RFC 9112 §5.1",
    why: "white space around a value, tabs too, does not belong to it",
  },
  { cases: /^target: OPTIONS \*$/, rule: "RFC 9112 §3.2.4", why: "the asterisk form is there for OPTIONS" },
  { cases: /^target: OPTIONS http:\/\/a$/, rule: "RFC 9112 §3.2.4", why: "an absolute target without a path is the asterisk form" },
  { cases: /^target: http:\/\/a\?x$/, rule: "RFC 3986 §3.3, RFC 9110 §4.2.3", why: "an empty path before a query is the path /" },
  { cases: /^host: \.$/, rule: "RFC 3986 §3.2.2", why: "a registered name may hold any unreserved character; no route has it" },
  {
    cases: /^upgrade: websocket$/,
    rule: "RFC 9110 §7.8",
    why: "a server may ignore Upgrade and answer as if it were not there; that the handshake lacks its key is for whoever takes it",
  },
  {
    cases: /^chunks: /,
    rule: "RFC 9112 §7.1.1",
    why: "a recipient ignores chunk extensions that it does not know; up to the CRLF, which alone ends them, nothing else can be meant",
  },
  {
    cases: /^bodies: TRACE /,
    rule: "RFC 9110 §9.3.8",
    why: "that a TRACE has no content binds the client; its length is as clear as any other",
  },
];

/** What our server took and another refused. */
export interface Leniency {
  readonly id: string;
  readonly refusedBy: readonly string[];
  /** Undefined where nobody has justified it. */
  readonly rule: string | undefined;
  readonly why: string | undefined;
}

/** Every case that our server counted as a request, and at least one other server did not. `views` has those of all servers, by case. */
export function leniencies(ids: readonly string[], views: readonly (readonly DirectView[])[]): Leniency[] {
  return ids.flatMap((id, index) => {
    const all = views.map((list) => list[index]).filter((view) => view !== undefined);
    const own = all.find(({ server }) => server === "weir");
    const refusedBy = all.filter(({ server, seen }) => server !== "weir" && seen.length === 0).map(({ server }) => server);
    if (own === undefined || own.seen.length === 0 || refusedBy.length === 0) return [];
    const found = justifications.find(({ cases }) => cases.test(id));
    return [{ id, refusedBy, rule: found?.rule, why: found?.why }];
  });
}
