import type { HeaderList } from "../http.ts";
import type { ConnectionOutput } from "../http1/output.ts";
import { wireReasons, type WireError } from "../reasons.ts";
import type { WheelEntry } from "../timing-wheel.ts";
import { BlockAssembly } from "./block-assembly.ts";
import { Budgets } from "./budgets.ts";
import { calm, connectionFault, ConnectionFault, errorCodes } from "./fault.ts";
import { ControlFrames } from "./control-frames.ts";
import { frameFault, frameFlags, FrameReader, frameTypes, readUint31, sizeFault, writeUint32, type FrameSink } from "./frame.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { HpackDecoder } from "./hpack/decoder.ts";
import { Inbox, type InboxOwner } from "./inbox.ts";
import { Outbox } from "./outbox.ts";
import { http2Reasons } from "./reasons.ts";
import type { SessionRole, SessionSettings } from "./session-role.ts";
import { PeerSettings, settingIds, settingsFrom, windowDefault } from "./settings.ts";
import type { Stream } from "./stream.ts";

// As many as clients have open at once, and some more: each may have DATA under way when it is reset.
const resetsRemembered = 1024;

/**
 * The part of an HTTP/2 connection that is the same on both sides: frames, settings, windows, closing. It knows no socket:
 * `receive` takes bytes, the output gets bytes. It never throws.
 */
export class Session implements FrameSink, WheelEntry, InboxOwner {
  deadlineMs: number = Infinity;
  lookMs: number = Infinity;
  readonly settings: SessionSettings;
  readonly peer: PeerSettings = new PeerSettings();
  readonly decoder: HpackDecoder;
  readonly blocks: HeaderBlocks;
  readonly outbox: Outbox;
  readonly inbox: Inbox;
  readonly budgets: Budgets;
  readonly streams: Map<number, Stream> = new Map();
  /** Nothing more is read. */
  ending = false;
  isClosed = false;
  /** When the role wants to be told. */
  tickMs: number = Infinity;
  readonly #role: SessionRole;
  readonly #output: ConnectionOutput;
  readonly #reader: FrameReader;
  readonly #assembly: BlockAssembly;
  readonly #control: ControlFrames;
  #settingsSeen = false;
  #writeMs = Infinity;
  #lingerMs = Infinity;
  /** Streams that we have reset: what was on its way to them is not the other side's fault. */
  readonly #resets = new Set<number>();

  constructor(role: SessionRole, settings: SessionSettings, output: ConnectionOutput) {
    const { limits } = settings;
    this.settings = settings;
    this.#role = role;
    this.#output = output;
    this.decoder = new HpackDecoder(Math.max(limits.headerTableBytes, 4096));
    this.blocks = new HeaderBlocks(limits.headerTableBytes, settings.blocksReason);
    this.outbox = new Outbox(
      {
        head: (stream) => role.head(stream),
        trailers: (stream, trailers: HeaderList) => role.trailers(stream, trailers),
        ended: (stream) => role.ended(stream),
        switched: (stream) => role.switched(stream),
        blocked: (stream) => this.#blocked(stream),
        flushed: () => this.#flushed(),
      },
      output,
      this.blocks,
    );
    this.inbox = new Inbox(this, role);
    this.budgets = new Budgets(limits, settings.clock);
    this.#assembly = new BlockAssembly(this, role);
    this.#control = new ControlFrames(this, role);
    this.#reader = new FrameReader(this, limits.frameBytesMax);
  }

  /** Says our SETTINGS, and grows the connection's window. */
  open(pairs: readonly (readonly [id: number, value: number])[]): void {
    const { limits, clock, headerMs } = this.settings;
    const all = [...pairs, [settingIds.initialWindowSize, limits.streamWindowBytes] as const];
    if (limits.frameBytesMax !== 16_384) all.push([settingIds.frameSizeMax, limits.frameBytesMax]);
    if (limits.headerTableBytes !== 4096) all.push([settingIds.headerTableSize, limits.headerTableBytes]);
    all.push([settingIds.headerListSizeMax, this.settings.messages.headBytesMax]);
    this.outbox.control(frameTypes.settings, 0, { id: 0, content: settingsFrom(all) });
    const more = limits.connectionWindowBytes - windowDefault;
    if (more > 0) this.outbox.controlNumber(frameTypes.windowUpdate, 0, more);
    this.#control.confirmMs = clock.monotonicMs() + headerMs;
    this.arm(this.#control.confirmMs);
    this.outbox.flushAfterAnswers();
  }

  /** Bytes came, from `at` up to `end`; none are kept uncopied. */
  receive(bytes: Uint8Array, at: number, end: number): void {
    if (this.ending || this.isClosed) return;
    try {
      this.#reader.receive(bytes, at, end);
      this.inbox.readEnded();
      this.#boundControl();
    } catch (thrown) {
      this.fail(thrown instanceof ConnectionFault ? thrown : internalFault(thrown));
      return;
    }
    this.#role.received();
    if (this.outbox.waiting) this.outbox.flushAfterAnswers();
  }

  /** Ends the connection for a fault of the other side: GOAWAY, and then nothing is read. */
  fail(fault: ConnectionFault): void {
    if (this.ending || this.isClosed) return;
    this.goAway(fault.errorCode, fault.message);
    this.ending = true;
    this.#role.broken(fault);
    this.finish();
  }

  /** Queues GOAWAY. */
  goAway(errorCode: number, message = "", lastId: number = this.inbox.lastPeerId): void {
    const debug = Buffer.from(message.slice(0, 200), "latin1");
    const content = new Uint8Array(8 + debug.length);
    writeUint32(content, writeUint32(content, 0, lastId), errorCode);
    content.set(debug, 8);
    this.outbox.control(frameTypes.goAway, 0, { id: 0, content });
  }

  /** Writes what waits, ends our direction, and cuts the line a moment later. */
  finish(): void {
    if (this.isClosed || this.#lingerMs !== Infinity) return;
    this.ending = true;
    this.outbox.flush();
    this.#output.end();
    this.#lingerMs = this.settings.clock.monotonicMs() + this.settings.lingerMs;
    this.arm(this.#lingerMs);
  }

  destroy(): void {
    this.#output.destroy();
  }

  drained(): void {
    this.#writeMs = Infinity;
    this.outbox.drained();
  }

  /** The connection is gone: `error` is what its streams hear. */
  closed(error: (stream: Stream) => WireError): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.settings.wheel.set(this, Infinity);
    this.outbox.close();
    for (const stream of this.streams.values()) this.forget(stream, error(stream));
  }

  /** A stream is over: nothing of it counts any more. */
  forget(stream: Stream, error: WireError): void {
    if (stream.over) return;
    this.inbox.releaseUnread(stream);
    stream.close(error);
    this.streams.delete(stream.id);
    this.#role.forgotten(stream, error);
  }

  /** Resets a stream and forgets it. */
  reset(stream: Stream, errorCode: number, error: WireError): void {
    if (stream.over) return;
    if (stream.id !== 0) this.resetId(stream.id, errorCode);
    this.forget(stream, error);
  }

  /** Queues RST_STREAM. */
  resetId(id: number, errorCode: number): void {
    this.#rememberReset(id);
    this.outbox.controlNumber(frameTypes.reset, id, errorCode);
    this.outbox.flushAfterAnswers();
  }

  /** What still comes for this stream is ignored. */
  #rememberReset(id: number): void {
    this.#resets.add(id);
    if (this.#resets.size <= resetsRemembered) return;
    for (const oldest of this.#resets) {
      this.#resets.delete(oldest);
      break;
    }
  }

  /** Whether we have reset this stream of late. */
  wasReset(id: number): boolean {
    return this.#resets.has(id);
  }

  /** The other side broke the rules on one stream; too often ends the connection. */
  streamFault(id: number, errorCode: number, reason: string): void {
    if (!this.budgets.faults.spend()) throw calm(http2Reasons.FAULT_FLOOD, `fewer streams to be reset, found one more: ${reason}`);
    this.resetId(id, errorCode);
  }

  sendPing(content: Uint8Array): void {
    this.outbox.control(frameTypes.ping, 0, { id: 0, content });
    this.outbox.flushSoon();
  }

  /** Whether the other side has confirmed our SETTINGS. */
  get confirmed(): boolean {
    return this.#control.confirmed;
  }

  /** The wheel shall look at `deadlineMs` at the latest. */
  arm(deadlineMs: number): void {
    if (deadlineMs < this.deadlineMs) this.settings.wheel.set(this, deadlineMs);
  }

  expire(): void {
    const nowMs = this.settings.clock.monotonicMs();
    if (nowMs >= this.#writeMs) this.#role.broken(calm(http2Reasons.OUTPUT_STALLED, "what we wrote to be read, found nothing"));
    if (nowMs >= this.#lingerMs || nowMs >= this.#writeMs) {
      this.destroy();
      return;
    }
    const { headerMs } = this.settings;
    if (nowMs >= this.#control.confirmMs) {
      this.fail(
        connectionFault(
          errorCodes.SETTINGS_TIMEOUT,
          http2Reasons.SETTINGS_TIMEOUT,
          `expected SETTINGS to be confirmed within ${headerMs} ms`,
        ),
      );
    } else if (nowMs >= this.#assembly.deadlineMs) {
      this.fail(
        connectionFault(errorCodes.PROTOCOL_ERROR, http2Reasons.SETTINGS_TIMEOUT, `expected a whole header block within ${headerMs} ms`),
      );
    }
    if (nowMs >= this.tickMs) {
      this.tickMs = Infinity;
      this.#role.tick(nowMs);
    }
    let nextMs = Math.min(this.#lingerMs, this.#writeMs, this.#control.confirmMs, this.#assembly.deadlineMs, this.tickMs);
    for (const stream of this.streams.values()) {
      if (nowMs >= stream.deadlineMs) {
        stream.deadlineMs = Infinity;
        this.#role.expired(stream);
      }
      if (nowMs >= stream.stallMs && !stream.over) {
        stream.stallMs = Infinity;
        this.#role.stalled(stream);
      }
      nextMs = Math.min(nextMs, stream.deadlineMs, stream.stallMs);
    }
    if (!this.isClosed) this.arm(nextMs);
  }

  frame(reader: FrameReader): void {
    const { type } = reader;
    if (this.ending) return;
    if (!this.#settingsSeen) this.#firstFrame(reader);
    const { id } = this.#assembly;
    if (id !== 0 && (type !== frameTypes.continuation || reader.id !== id)) {
      throw frameFault(`CONTINUATION of stream ${id}, found type ${type} of stream ${reader.id}`);
    }
    switch (type) {
      case frameTypes.data:
        this.inbox.data(reader);
        return;
      case frameTypes.headers:
        this.#assembly.headers(reader);
        return;
      case frameTypes.priority:
        this.#control.priority(reader);
        return;
      case frameTypes.reset:
        this.#control.reset(reader);
        return;
      case frameTypes.settings:
        this.#control.settings(reader);
        return;
      case frameTypes.pushPromise:
        throw frameFault("no PUSH_PROMISE: push is off, found one");
      case frameTypes.ping:
        this.#control.ping(reader);
        return;
      case frameTypes.goAway:
        if (reader.id !== 0) throw frameFault(`GOAWAY on stream 0, found it on ${reader.id}`);
        if (reader.end - reader.at < 8) throw sizeFault("at least 8 bytes of GOAWAY", reader.end - reader.at);
        this.#role.goneAway(readUint31(reader.bytes, reader.at), readUint31(reader.bytes, reader.at + 4));
        return;
      case frameTypes.windowUpdate:
        this.#control.windowUpdate(reader);
        return;
      case frameTypes.continuation:
        this.#assembly.continuation(reader);
        return;
      default:
        this.#control.spend(http2Reasons.CONTROL_FLOOD);
    }
  }

  /** What we have to say to a peer that talks and does not read: confirmations, resets, windows. */
  #boundControl(): void {
    const { controlBytesMax } = this.settings.limits;
    if (this.outbox.controlBytes <= controlBytesMax) return;
    if (!this.outbox.full) this.outbox.flush();
    if (this.outbox.controlBytes > controlBytesMax) {
      throw calm(http2Reasons.OUTPUT_STALLED, `at most ${controlBytesMax} bytes of control frames to wait, found more`);
    }
  }

  #firstFrame(reader: FrameReader): void {
    if (reader.type !== frameTypes.settings || (reader.flags & frameFlags.ack) !== 0) {
      const message = `expected SETTINGS first, found a frame of type ${reader.type}`;
      throw connectionFault(errorCodes.PROTOCOL_ERROR, http2Reasons.PREFACE_INVALID, message);
    }
    this.#settingsSeen = true;
  }

  /** A stream has something to send and no window for it. */
  #blocked(stream: Stream): void {
    if (stream.stallMs !== Infinity || stream.isOpenEnded) return;
    stream.stallMs = this.settings.clock.monotonicMs() + this.settings.writeIdleMs;
    this.arm(stream.stallMs);
  }

  #flushed(): void {
    const { clock, writeIdleMs } = this.settings;
    if (this.outbox.full) {
      if (this.#writeMs === Infinity) {
        this.#writeMs = clock.monotonicMs() + writeIdleMs;
        this.arm(this.#writeMs);
      }
    }
  }
}

/** What somebody's listener threw while bytes were being read: it costs this connection, not the process. */
function internalFault(thrown: unknown): ConnectionFault {
  const found = thrown instanceof Error ? thrown.message : String(thrown);
  return connectionFault(errorCodes.INTERNAL_ERROR, wireReasons.HANDLER_FAILED, `expected listeners that do not throw, found ${found}`);
}
