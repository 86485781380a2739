import type { MessageType } from "@weir/kit/contract";

/** The runner's messages are small; a length beyond this is not one of them. */
const messageBytesMax = 64 * 1024 * 1024;

/** The messages that connectconformance writes: each after its length in four bytes, most significant first. */
export async function* messagesFrom<T>(input: AsyncIterable<Uint8Array>, type: MessageType<T>): AsyncGenerator<T, void, undefined> {
  let held = Buffer.alloc(0);
  for await (const piece of input) {
    held = Buffer.concat([held, piece]);
    while (held.length >= 4) {
      const length = held.readUInt32BE();
      if (length > messageBytesMax) throw new Error(`expected a message of at most ${messageBytesMax} bytes, found ${length}`);
      if (held.length < 4 + length) break;
      yield type.fromBinary(Uint8Array.from(held.subarray(4, 4 + length)));
      held = held.subarray(4 + length);
    }
  }
  if (held.length > 0) throw new Error(`expected whole messages, found ${held.length} bytes more`);
}

/** A message as connectconformance reads it. */
export function framed<T>(type: MessageType<T>, message: T): Buffer {
  const bytes = type.toBinary(message);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}
