import type { ClientSettings } from "../client-options.ts";
import type { ServerSettings } from "../options.ts";
import { wireReasons } from "../reasons.ts";
import { AnswerHeadWriter } from "./answer.ts";
import { requestChunkedReasons, responseChunkedReasons, type ChunkedOptions } from "./chunked.ts";
import type { HeadBound } from "./head-text.ts";
import { RequestHeadReader } from "./request-head.ts";
import { ResponseHeadReader } from "./response-head.ts";
import { HeaderWriter, RequestStartWriter } from "./serialise.ts";

/**
 * What reads and writes heads for all connections of one server. They take turns, since a head is read or written in one
 * go; so what they remember stays in the processor's cache, and an idle connection holds none of it.
 */
export interface ServerCodec {
  readonly requests: RequestHeadReader;
  readonly bound: HeadBound;
  readonly chunked: ChunkedOptions;
  readonly answers: AnswerHeadWriter;
}

/** The same for all connections of one client. */
export interface ClientCodec {
  readonly starts: RequestStartWriter;
  readonly headers: HeaderWriter;
  readonly responses: ResponseHeadReader;
  readonly bound: HeadBound;
  readonly chunked: ChunkedOptions;
}

const serverCodecs = new WeakMap<ServerSettings, ServerCodec>();
const clientCodecs = new WeakMap<ClientSettings, ClientCodec>();

/** The codec of a server, by its settings. */
export function serverCodecOf(settings: ServerSettings): ServerCodec {
  const known = serverCodecs.get(settings);
  if (known !== undefined) return known;
  const { limits } = settings;
  const codec = {
    requests: new RequestHeadReader(limits),
    bound: { bytesMax: limits.headBytesMax, tooLarge: wireReasons.HEAD_TOO_LARGE },
    chunked: { ...limits, reasons: requestChunkedReasons },
    answers: new AnswerHeadWriter(),
  };
  serverCodecs.set(settings, codec);
  return codec;
}

/** The codec of a client, by its settings. */
export function clientCodecOf(settings: ClientSettings): ClientCodec {
  const known = clientCodecs.get(settings);
  if (known !== undefined) return known;
  const { limits } = settings;
  const codec = {
    starts: new RequestStartWriter(),
    headers: new HeaderWriter(wireReasons.REQUEST_INVALID),
    responses: new ResponseHeadReader(limits.headerCountMax),
    bound: { bytesMax: limits.headBytesMax, tooLarge: wireReasons.UPSTREAM_HEAD_TOO_LARGE },
    chunked: { ...limits, reasons: responseChunkedReasons },
  };
  clientCodecs.set(settings, codec);
  return codec;
}
