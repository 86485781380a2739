import type { ClientRequest } from "../client-call.ts";
import { isToken } from "../http1/syntax.ts";
import { isHost } from "../http1/target.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { HeaderBlocks } from "./header-blocks.ts";

const targetPattern = /^[/*][\x21-\x7e]*$/;
const protocolPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z/]+$/;

/** Writes the heads of requests into the blocks of one connection. */
export class RequestWriter {
  readonly #blocks: HeaderBlocks;
  readonly #scheme: string;
  #method = "";
  #authority = "";

  constructor(blocks: HeaderBlocks, secure: boolean) {
    this.#blocks = blocks;
    this.#scheme = secure ? "https" : "http";
  }

  /** Throws REQUEST_INVALID for what could be read as anything else than it is. `authority` stands in for a missing one. */
  write(request: ClientRequest, authority: string): void {
    const blocks = this.#blocks;
    const { upgrade, body } = request;
    this.#check(request, request.authority || authority);
    blocks.begin();
    blocks.field(":method", upgrade === undefined ? request.method : "CONNECT");
    blocks.field(":scheme", this.#scheme);
    blocks.field(":path", request.target);
    blocks.field(":authority", request.authority || authority);
    if (upgrade !== undefined) blocks.field(":protocol", upgrade);
    blocks.list(request.headers);
    // Only gRPC needs it, and it says that the sender can read trailers; it is of the framing, so nobody else may say it.
    blocks.field("te", "trailers");
    if (upgrade === undefined && body?.length !== undefined) blocks.field("content-length", String(body.length));
  }

  #check(request: ClientRequest, authority: string): void {
    const { method, target, upgrade } = request;
    if (method !== this.#method) {
      if (!isToken(method) || method === "CONNECT") throw invalid("a method", method);
      this.#method = method;
    }
    if (authority !== this.#authority) {
      if (!isHost(authority)) throw invalid("a host with an optional port", authority);
      this.#authority = authority;
    }
    if (!targetPattern.test(target)) throw invalid("a target in origin form, visible ASCII", target);
    if (upgrade !== undefined && !protocolPattern.test(upgrade)) throw invalid("a protocol to upgrade to", upgrade);
  }
}

function invalid(expected: string, found: string): WireError {
  return new WireError(wireReasons.REQUEST_INVALID, `expected ${expected}, found ${JSON.stringify(found.slice(0, 80))}`);
}
