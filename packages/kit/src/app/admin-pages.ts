import type { HttpHandler, HttpRequest, HttpResponse } from "@weir/wire";
import { headerValue } from "@weir/wire";
import { fault } from "../fault.ts";
import { kitReasons } from "../reasons.ts";

/** A page of the admin port: what a part of an app shows, and what an operator may change there. */
export interface AdminPage {
  /** Answers GET with what JSON can say, whole or promised; `query` is what stands behind the "?". A Fault is answered as such. */
  readonly show: (query: URLSearchParams) => unknown;
  /** The same for people: answers GET of a browser (Accept: text/html). Has to escape what it shows. Default: the JSON. */
  readonly html?: (query: URLSearchParams) => string;
  /** Answers POST; takes the JSON of the body, at most 64 KiB and not yet judged, and answers as `show`. Default: POST is refused. */
  readonly change?: (value: unknown) => unknown;
}

/** The pages that the parts of an app have put on its admin port. */
export interface AdminPages {
  /** Adds a page; answers what takes it away again. Throws ADMIN_PAGE_TAKEN for a path that has one or is no "/name" or "/name/name". */
  add(path: string, page: AdminPage): () => void;
  /** What answers the path, if a page does. */
  handlerOf(path: string): HttpHandler | undefined;
  /** All paths, in the order of adding. */
  paths(): readonly string[];
}

const ownPaths: readonly string[] = ["/healthz", "/readyz", "/metrics"];
const pathPattern = /^(\/[a-z0-9][a-z0-9._-]*)+$/i;
const pagesMax = 100;

/** No pages yet. At most 100. */
export function createAdminPages(): AdminPages {
  const handlers = new Map<string, HttpHandler>();
  return {
    add(path, page) {
      if (!pathPattern.test(path) || ownPaths.includes(path) || handlers.has(path) || handlers.size >= pagesMax) {
        const expected = `Expected a path of letters and digits such as "/config" that no page has, of ${pagesMax} pages at most`;
        throw fault(kitReasons.ADMIN_PAGE_TAKEN, `${expected}, found ${JSON.stringify(path.slice(0, 100))}.`);
      }
      handlers.set(path, handlerFrom(page));
      return () => void handlers.delete(path);
    },
    handlerOf: (path) => handlers.get(path),
    paths: () => [...handlers.keys()],
  };
}

/** An answer with a JSON body that nobody may keep; `allow` lists methods when another was used. */
export function jsonAnswer(status: number, value: unknown, { allow }: { readonly allow?: string } = {}): HttpResponse {
  const head = ["content-type", "application/json", "cache-control", "no-store"];
  return {
    status,
    headers: allow === undefined ? head : [...head, "allow", allow],
    body: Buffer.from(`${JSON.stringify(value, plainValue) ?? "null"}\n`),
  };
}

function htmlAnswer(text: string): HttpResponse {
  // What a page shows may come from anywhere; nothing of it may run.
  const policy = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
  const headers = ["content-type", "text/html; charset=utf-8", "cache-control", "no-store", "content-security-policy", policy];
  return { status: 200, headers, body: Buffer.from(text) };
}

/** JSON has no bigint: it becomes a text, as in protobuf's JSON. */
function plainValue(_: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}

function handlerFrom({ show, html, change }: AdminPage): HttpHandler {
  return async (request, exchange) => {
    if (request.method === "GET" || request.method === "HEAD") {
      const at = request.target.indexOf("?");
      const query = new URLSearchParams(at === -1 ? "" : request.target.slice(at + 1));
      if (html && headerValue(request.headers, "accept")?.includes("text/html")) return htmlAnswer(html(query));
      return jsonAnswer(200, await show(query));
    }
    if (request.method !== "POST" || !change) {
      const allowed = change ? ["GET", "HEAD", "POST"] : ["GET", "HEAD"];
      return jsonAnswer(405, { expected: allowed }, { allow: allowed.join(", ") });
    }
    // The port may be open to a network for those who read; who changes something has been let onto the machine.
    if (!isLoopback(exchange.peerAddress))
      throw fault(kitReasons.ADMIN_CHANGE_REFUSED, "Expected a change from this machine, found one from another.");
    return jsonAnswer(200, await change(await valueFrom(request)));
  };
}

function isLoopback(address: string): boolean {
  return /^(::ffff:)?127\./.test(address) || address === "::1";
}

async function valueFrom(request: HttpRequest): Promise<unknown> {
  // A page that an operator happens to look at must not change anything: browsers say where a POST comes from.
  if (headerValue(request.headers, "origin") !== undefined)
    throw fault(kitReasons.ADMIN_CHANGE_REFUSED, "Expected a change by an operator's tool, found one by a page in a browser (origin).");
  const type = headerValue(request.headers, "content-type") ?? "none";
  if (type.split(";", 1)[0]?.trim() !== "application/json")
    throw fault(kitReasons.ADMIN_CHANGE_REFUSED, `Expected the content-type application/json, found ${type.slice(0, 100)}.`);
  const chunks: Uint8Array[] = [];
  if (request.body instanceof Uint8Array) chunks.push(request.body);
  else if (request.body) for await (const chunk of request.body) chunks.push(chunk);
  const text = Buffer.concat(chunks).toString();
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw fault(kitReasons.JSON_INVALID, `Expected JSON in the body, found ${JSON.stringify(text.slice(0, 60))}.`);
  }
}
