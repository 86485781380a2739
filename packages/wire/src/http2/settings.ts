import { connectionFault, errorCodes } from "./fault.ts";
import { frameFault, readUint32, writeUint32 } from "./frame.ts";
import { http2Reasons } from "./reasons.ts";

/** Identifiers of RFC 9113 §6.5.2 and RFC 8441 §3. */
export const settingIds = {
  headerTableSize: 1,
  enablePush: 2,
  streamsMax: 3,
  initialWindowSize: 4,
  frameSizeMax: 5,
  headerListSizeMax: 6,
  enableConnectProtocol: 8,
} as const;

/** Most that a window may hold. */
export const windowMax = 0x7fff_ffff;
/** What a window holds before any setting. */
export const windowDefault = 65_535;

/** What the other side has said of itself; its values before it has. */
export class PeerSettings {
  headerTableSize = 4096;
  streamsMax: number = Infinity;
  initialWindowSize: number = windowDefault;
  frameSizeMax = 16_384;
  headerListSizeMax: number = Infinity;
  enableConnectProtocol = false;

  /** Takes the content of a SETTINGS frame. `fromServer`: who may not enable push. Throws a ConnectionFault. RFC 9113 §6.5. */
  read(bytes: Uint8Array, range: { readonly at: number; readonly end: number }, fromServer: boolean): void {
    for (let at = range.at; at < range.end; at += 6) {
      const id = ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
      this.#set(id, readUint32(bytes, at + 2), fromServer);
    }
  }

  #set(id: number, value: number, fromServer: boolean): void {
    switch (id) {
      case settingIds.headerTableSize:
        this.headerTableSize = value;
        return;
      case settingIds.enablePush:
        if (value > 1 || (fromServer && value === 1)) throw frameFault(`ENABLE_PUSH to be ${fromServer ? "0" : "0 or 1"}, found ${value}`);
        return;
      case settingIds.streamsMax:
        this.streamsMax = value;
        return;
      case settingIds.initialWindowSize:
        if (value > windowMax) {
          const message = `expected INITIAL_WINDOW_SIZE up to 2^31-1, found ${value}`;
          throw connectionFault(errorCodes.FLOW_CONTROL_ERROR, http2Reasons.WINDOW_EXCEEDED, message);
        }
        this.initialWindowSize = value;
        return;
      case settingIds.frameSizeMax:
        if (value < 16_384 || value > 0xff_ffff) throw frameFault(`MAX_FRAME_SIZE from 2^14 to 2^24-1, found ${value}`);
        this.frameSizeMax = value;
        return;
      case settingIds.headerListSizeMax:
        this.headerListSizeMax = value;
        return;
      case settingIds.enableConnectProtocol:
        if (value > 1 || (value === 0 && this.enableConnectProtocol)) {
          throw frameFault(`ENABLE_CONNECT_PROTOCOL to be 0 or 1, and to stay 1, found ${value}`);
        }
        this.enableConnectProtocol = value === 1;
        return;
      default:
    }
  }
}

/** The content of a SETTINGS frame. */
export function settingsFrom(pairs: readonly (readonly [id: number, value: number])[]): Uint8Array {
  const bytes = new Uint8Array(pairs.length * 6);
  let at = 0;
  for (const [id, value] of pairs) {
    bytes[at] = id >>> 8;
    bytes[at + 1] = id;
    at = writeUint32(bytes, at + 2, value);
  }
  return bytes;
}
