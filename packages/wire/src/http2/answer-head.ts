import type { WireClock } from "../clock.ts";
import type { HttpResponse } from "../http.ts";
import { WireError, wireReasons } from "../reasons.ts";
import type { HeaderBlocks } from "./header-blocks.ts";
import type { Stream } from "./stream.ts";

/** The Date header, made once a second for all connections. */
export interface DateSource {
  line(monotonicMs: number): string;
}

const statusTexts: readonly string[] = Array.from({ length: 1000 }, (_, status) => String(status));

/** Writes the heads of answers into the blocks of one connection. */
export class AnswerHeads {
  readonly #blocks: HeaderBlocks;
  readonly #clock: WireClock;
  readonly #source: DateSource;
  #line = "";
  #date = "";

  constructor(blocks: HeaderBlocks, clock: WireClock, date: DateSource) {
    this.#blocks = blocks;
    this.#clock = clock;
    this.#source = date;
  }

  /** Throws RESPONSE_INVALID or RESPONSE_HEADER_INVALID when it cannot be sent as it is; nothing has been written then. */
  write(stream: Stream, response: HttpResponse): void {
    const { status, headers } = response;
    const blocks = this.#blocks;
    const text = status < 200 ? undefined : statusTexts[status];
    if (text === undefined) throw new WireError(wireReasons.RESPONSE_INVALID, `expected a status from 200 to 999, found ${status}`);
    const length = lengthOf(stream, response);
    stream.switching = stream.upgrade !== undefined && response.takeOver !== undefined && status < 300;
    blocks.begin();
    blocks.field(":status", text);
    blocks.list(headers);
    if (!blocks.dated) blocks.field("date", this.#dateNow());
    if (length !== undefined && !stream.switching) blocks.field("content-length", String(length));
  }

  #dateNow(): string {
    const line = this.#source.line(this.#clock.monotonicMs());
    if (line !== this.#line) {
      this.#line = line;
      this.#date = line.slice(line.indexOf(":") + 1).trim();
    }
    return this.#date;
  }
}

/** What Content-Length shall say. */
function lengthOf(stream: Stream, response: HttpResponse): number | undefined {
  const { status, body } = response;
  let length: number | undefined;
  if (status === 204) return undefined;
  if (stream.headOnly || status === 304) length = response.lengthOfGet ?? (stream.headOnly ? body?.length : undefined);
  else length = body === undefined ? 0 : body.length;
  if (length !== undefined && (!Number.isSafeInteger(length) || length < 0)) {
    throw new WireError(wireReasons.RESPONSE_INVALID, `expected a length that is a whole number, found ${length}`);
  }
  return length;
}
