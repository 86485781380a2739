import { standingStill } from "./fuzz-clock.ts";
import type { FuzzTarget } from "./fuzz-target.ts";
import { hpack } from "./hpack-target.ts";
import { http1Client, http1Server } from "./http1-targets.ts";
import { http2Client, http2Server } from "./http2-targets.ts";
import { websocketClient, websocketServer } from "./websocket-target.ts";

export { randomFrom, type FuzzTarget, type Random } from "./fuzz-target.ts";

/** Every parser that reads what strangers send, for fuzzers. None needs a socket; many outcomes may be under way at once. */
export const fuzzTargets: readonly FuzzTarget[] = [
  http1Server,
  http1Client,
  http2Server,
  http2Client,
  hpack,
  websocketServer,
  websocketClient,
].map(standingStill);
