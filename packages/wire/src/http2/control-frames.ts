import type { WireError, WireReason } from "../reasons.ts";
import type { Budgets } from "./budgets.ts";
import { calm, connectionFault, errorCodes } from "./fault.ts";
import { frameFault, frameFlags, frameTypes, readUint31, sizeFault, type FrameReader } from "./frame.ts";
import type { HeaderBlocks } from "./header-blocks.ts";
import type { HpackDecoder } from "./hpack/decoder.ts";
import type { Inbox } from "./inbox.ts";
import type { Outbox } from "./outbox.ts";
import { http2Reasons } from "./reasons.ts";
import type { SessionRole, SessionSettings } from "./session-role.ts";
import { windowMax, type PeerSettings } from "./settings.ts";
import type { Stream } from "./stream.ts";

/** The connection that the frames are for. */
export interface ControlFramesOwner {
  readonly settings: SessionSettings;
  readonly peer: PeerSettings;
  readonly budgets: Budgets;
  readonly streams: ReadonlyMap<number, Stream>;
  readonly inbox: Inbox;
  readonly outbox: Outbox;
  readonly blocks: HeaderBlocks;
  readonly decoder: HpackDecoder;
  wasReset(id: number): boolean;
  streamFault(id: number, errorCode: number, reason: string): void;
  forget(stream: Stream, error: WireError): void;
}

/** Takes the frames that carry no message: settings, windows, pings, resets, priorities. */
export class ControlFrames {
  /** Our SETTINGS have been confirmed. */
  confirmed = false;
  /** When they have to be. */
  confirmMs: number = Infinity;
  readonly #owner: ControlFramesOwner;
  readonly #role: SessionRole;
  #dataFramesPaid = 0;

  constructor(owner: ControlFramesOwner, role: SessionRole) {
    this.#owner = owner;
    this.#role = role;
  }

  /** PRIORITY. */
  priority(reader: FrameReader): void {
    if (reader.id === 0) throw frameFault("PRIORITY on a stream, found it on 0");
    this.spend(http2Reasons.CONTROL_FLOOD);
    const wrong = reader.end - reader.at !== 5 ? errorCodes.FRAME_SIZE_ERROR : undefined;
    const itself = wrong === undefined && readUint31(reader.bytes, reader.at) === reader.id ? errorCodes.PROTOCOL_ERROR : undefined;
    const errorCode = wrong ?? itself;
    if (errorCode === undefined) return;
    // A stream that is not open cannot be reset; the connection can.
    const stream = this.#owner.streams.get(reader.id);
    if (stream === undefined)
      throw connectionFault(errorCode, http2Reasons.FRAME_INVALID, "expected a PRIORITY that can be, found another");
    this.#owner.streamFault(reader.id, errorCode, http2Reasons.FRAME_INVALID.reason);
    this.#owner.forget(stream, this.#owner.inbox.faultOf(http2Reasons.FRAME_INVALID, "expected a PRIORITY that can be, found another"));
  }

  /** RST_STREAM. */
  reset(reader: FrameReader): void {
    const { id } = reader;
    if (reader.end - reader.at !== 4) throw sizeFault("4 bytes of RST_STREAM", reader.end - reader.at);
    if (id === 0 || this.#role.isIdle(id)) throw frameFault(`RST_STREAM on a stream that has been opened, found it on ${id}`);
    const stream = this.#owner.streams.get(id);
    // One that we have refused or reset costs as much: the other side cannot have known.
    if (stream === undefined && !this.#owner.wasReset(id)) {
      this.spend(http2Reasons.CONTROL_FLOOD);
      return;
    }
    if (!this.#owner.budgets.resets.spend()) throw calm(http2Reasons.RESET_FLOOD, "fewer streams to be reset, found one more");
    if (stream !== undefined) this.#role.resetByPeer(stream, readUint31(reader.bytes, reader.at));
  }

  /** SETTINGS. */
  settings(reader: FrameReader): void {
    const length = reader.end - reader.at;
    if (reader.id !== 0) throw frameFault(`SETTINGS on stream 0, found them on ${reader.id}`);
    if ((reader.flags & frameFlags.ack) !== 0) {
      if (length !== 0) throw sizeFault("no content of confirmed SETTINGS", length);
      this.#confirmedByPeer();
      return;
    }
    if (length % 6 !== 0) throw sizeFault("SETTINGS in pieces of 6 bytes", length);
    this.spend(http2Reasons.SETTINGS_FLOOD);
    const before = this.#owner.peer.initialWindowSize;
    this.#owner.peer.read(reader.bytes, reader, this.#owner.settings.client);
    this.#owner.blocks.encoder.setTableBytesMax(this.#owner.peer.headerTableSize);
    this.#owner.outbox.frameBytesMax = this.#owner.peer.frameSizeMax;
    const grown = this.#owner.peer.initialWindowSize - before;
    if (grown !== 0) this.#growAll(grown);
    this.#owner.outbox.control(frameTypes.settings, frameFlags.ack, { id: 0, content: reader.bytes.subarray(0, 0) });
    this.#role.settled();
  }

  #confirmedByPeer(): void {
    const { limits } = this.#owner.settings;
    if (this.confirmed) {
      this.spend(http2Reasons.SETTINGS_FLOOD);
      return;
    }
    this.confirmed = true;
    this.confirmMs = Infinity;
    this.#owner.decoder.setTableBytesMax(limits.headerTableBytes);
    this.#owner.inbox.confirmed();
  }

  /** RFC 9113 §6.9.2: a window may become negative; one beyond 2^31-1 is an error. */
  #growAll(bytes: number): void {
    for (const stream of this.#owner.streams.values()) {
      stream.sendWindow += bytes;
      if (stream.sendWindow > windowMax) {
        throw connectionFault(
          errorCodes.FLOW_CONTROL_ERROR,
          http2Reasons.WINDOW_EXCEEDED,
          "expected windows up to 2^31-1, found one beyond",
        );
      }
      if (stream.queuedBytes > 0 && stream.sendWindow > 0) this.#owner.outbox.ready(stream);
    }
  }

  /** PING. */
  ping(reader: FrameReader): void {
    if (reader.id !== 0) throw frameFault(`PING on stream 0, found it on ${reader.id}`);
    if (reader.end - reader.at !== 8) throw sizeFault("8 bytes of PING", reader.end - reader.at);
    this.spend(http2Reasons.PING_FLOOD);
    if ((reader.flags & frameFlags.ack) !== 0) {
      this.#role.pinged();
      return;
    }
    this.#owner.outbox.control(frameTypes.ping, frameFlags.ack, { id: 0, content: reader.bytes.subarray(reader.at, reader.end) });
  }

  /** WINDOW_UPDATE. */
  windowUpdate(reader: FrameReader): void {
    const { id } = reader;
    if (reader.end - reader.at !== 4) throw sizeFault("4 bytes of WINDOW_UPDATE", reader.end - reader.at);
    this.spend(http2Reasons.WINDOW_FLOOD);
    const bytes = readUint31(reader.bytes, reader.at);
    if (id === 0) {
      if (bytes === 0) throw frameFault("a WINDOW_UPDATE of at least 1, found 0");
      this.#owner.outbox.window += bytes;
      if (this.#owner.outbox.window > windowMax) {
        throw connectionFault(
          errorCodes.FLOW_CONTROL_ERROR,
          http2Reasons.WINDOW_EXCEEDED,
          "expected a window up to 2^31-1, found it beyond",
        );
      }
      this.#owner.outbox.windowGrown();
      return;
    }
    if (this.#role.isIdle(id)) throw frameFault(`WINDOW_UPDATE on a stream that has been opened, found it on ${id}`);
    const stream = this.#owner.streams.get(id);
    if (stream === undefined) return;
    stream.sendWindow += bytes;
    const wrong = bytes === 0 || stream.sendWindow > windowMax;
    if (wrong) {
      const errorCode = bytes === 0 ? errorCodes.PROTOCOL_ERROR : errorCodes.FLOW_CONTROL_ERROR;
      this.#owner.streamFault(id, errorCode, http2Reasons.WINDOW_EXCEEDED.reason);
      this.#owner.forget(
        stream,
        this.#owner.inbox.faultOf(http2Reasons.WINDOW_EXCEEDED, `expected a window from 1 to 2^31-1, found it grow by ${bytes}`),
      );
    } else if (stream.queuedBytes > 0 && stream.sendWindow > 0) this.#owner.outbox.ready(stream);
  }

  /** Counts a frame that may come only so often. */
  spend(reason: WireReason): void {
    // Whoever reads what we send has reason to say more: windows and pings that measure.
    const { dataFrames } = this.#owner.outbox;
    if (dataFrames !== this.#dataFramesPaid) {
      this.#owner.budgets.control.earn((dataFrames - this.#dataFramesPaid) * 4);
      this.#dataFramesPaid = dataFrames;
    }
    if (!this.#owner.budgets.control.spend()) throw calm(reason, "fewer control frames, found one more");
  }
}
