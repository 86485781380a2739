import { randomBytes } from "node:crypto";
import { WireError, wireReasons, type ByteDuplex } from "@weir/wire";
import { over, type AnswerEnd, type Passage, type SessionCount } from "../passage.ts";
import { closeFrame, FrameWatch } from "./frame-watch.ts";

/** The upgraded connections of a gateway. */
export interface Tunnels {
  readonly open: Set<Tunnel>;
  /** Whether the gateway is going away: sessions end as soon as they can. */
  leaving: boolean;
}

/** One upgraded connection. */
export interface Tunnel {
  /** Ends it: a WebSocket with close 1001 to both sides behind the frame that is passing, anything else at once. */
  leave(): void;
}

/** No connections yet. */
export function createTunnels(): Tunnels {
  return { open: new Set(), leaving: false };
}

/** Asks all sessions to end. */
export function leaveTunnels(tunnels: Tunnels): void {
  tunnels.leaving = true;
  for (const tunnel of tunnels.open) tunnel.leave();
}

const goingAway = 1001;

/** One way through a tunnel. */
interface Way {
  readonly from: ByteDuplex;
  readonly to: ByteDuplex;
  /** Undefined when what passes is no WebSocket. */
  readonly watch: FrameWatch | undefined;
  readonly count: (bytes: number) => void;
  readonly close: () => Uint8Array;
  /** Nothing more is passed on. */
  shut: boolean;
}

/**
 * Joins a client and its endpoint. Bytes pass as they are, with back-pressure both ways: nobody reads from one side while
 * the other does not take it. Tells the passage how it ended: an endpoint that ends a WebSocket without a close frame has
 * broken off. Never rejects.
 */
export async function tunnel(
  ends: { readonly client: ByteDuplex; readonly endpoint: ByteDuplex },
  { passage, tunnels }: { readonly passage: Passage; readonly tunnels: Tunnels },
): Promise<void> {
  const { client, endpoint } = ends;
  const session: SessionCount = { bytesIn: 0, closeCode: 0 };
  passage.session = session;
  const isWebSocket = passage.upgrade === "websocket";
  const up: Way = {
    from: client,
    to: endpoint,
    watch: isWebSocket ? new FrameWatch() : undefined,
    count: (bytes) => void (session.bytesIn += bytes),
    close: () => closeFrame(goingAway, randomBytes(4)),
    shut: false,
  };
  const down: Way = {
    from: endpoint,
    to: client,
    watch: isWebSocket ? new FrameWatch() : undefined,
    count: (bytes) => void (passage.bytesOut += bytes),
    close: () => closeFrame(goingAway),
    shut: false,
  };
  const self: Tunnel = {
    leave() {
      if (!isWebSocket) return cut(ends);
      for (const way of [up, down]) if (way.watch?.atBoundary === true) shut(way);
    },
  };
  tunnels.open.add(self);
  let end: AnswerEnd | undefined;
  /** The first end counts; the other way follows it. */
  const ended = (how: AnswerEnd): void => {
    session.closeCode ||= down.watch?.closeCode || up.watch?.closeCode || (tunnels.leaving && isWebSocket ? goingAway : 0);
    end ??= how.kind === "broken" && session.closeCode !== 0 ? { kind: "whole" } : how;
    if (end.kind !== "whole") cut(ends);
  };
  if (tunnels.leaving) self.leave();
  await Promise.all([
    carry(up, tunnels).then((side) => ended(side === undefined ? upEnd(up, down, isWebSocket) : side === "from" ? left : lost())),
    carry(down, tunnels).then((side) => ended(side === undefined ? downEnd(up, down, isWebSocket) : side === "from" ? lost() : left)),
  ]);
  tunnels.open.delete(self);
  over(passage, end ?? whole);
}

const whole: AnswerEnd = { kind: "whole" };
const left: AnswerEnd = { kind: "left" };

function lost(): AnswerEnd {
  const thrown = new WireError(wireReasons.CONNECTION_RESET, "expected the session to go on, found its connection closed", { sent: true });
  return { kind: "broken", thrown };
}

/** What it means that the client has ended its way. */
function upEnd(up: Way, down: Way, isWebSocket: boolean): AnswerEnd {
  return isClean(up, down, isWebSocket) ? whole : left;
}

/** What it means that the endpoint has ended its way. */
function downEnd(up: Way, down: Way, isWebSocket: boolean): AnswerEnd {
  return isClean(up, down, isWebSocket) ? whole : lost();
}

function isClean(up: Way, down: Way, isWebSocket: boolean): boolean {
  return !isWebSocket || up.shut || down.shut || up.watch?.closeCode !== 0 || down.watch?.closeCode !== 0;
}

/** Carries bytes to the end. Answers which side failed, if one did. Never rejects. */
async function carry(way: Way, tunnels: Tunnels): Promise<"from" | "to" | undefined> {
  const { from, to, watch, count } = way;
  const chunks = from[Symbol.asyncIterator]();
  for (;;) {
    let bytes: Uint8Array;
    try {
      const result = await chunks.next();
      if (result.done === true) break;
      bytes = result.value;
    } catch {
      return "from";
    }
    count(bytes.length);
    watch?.push(bytes);
    if (way.shut) continue;
    try {
      if (!tunnels.leaving || watch === undefined) await to.write(bytes);
      else if (watch.wholeBytes === 0) await to.write(bytes);
      else {
        await to.write(bytes.subarray(0, watch.wholeBytes));
        shut(way);
      }
    } catch {
      return "to";
    }
  }
  if (!way.shut) to.end();
  return undefined;
}

/** Says close and ends this way; what still comes is thrown away. */
function shut(way: Way): void {
  if (way.shut) return;
  way.shut = true;
  // A close frame has passed already: a second one would be wrong.
  if (way.watch?.closeCode === 0) way.to.write(way.close()).catch(() => undefined);
  way.to.end();
}

function cut({ client, endpoint }: { readonly client: ByteDuplex; readonly endpoint: ByteDuplex }): void {
  client.destroy();
  endpoint.destroy();
}
