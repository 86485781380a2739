import { Buffer } from "node:buffer";
import { GreetRequest, GreetResponse } from "./hello.weir.ts";
import { greetingFor } from "./suts/greeting.ts";

const user = "weir";

function prefixed(message: Uint8Array): Buffer {
  const bytes = Buffer.alloc(5 + message.length);
  bytes.writeUInt32BE(message.length, 1);
  bytes.set(message, 5);
  return bytes;
}

function frame(type: number, flags: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(content.length, 0, 3);
  head[3] = type;
  head[4] = flags;
  return Buffer.concat([head, content]);
}

/** A literal that enters the table (RFC 7541 §6.2.1); by an index of the static table where that has the name. */
function literal(nameIndex: number, name: string, value: string): Buffer {
  const head = [0x40 | nameIndex];
  if (nameIndex === 0) head.push(name.length);
  return Buffer.concat([Buffer.from(head), Buffer.from(nameIndex === 0 ? name : ""), Buffer.from([value.length]), Buffer.from(value)]);
}

/** What a load of `Greet` sends and expects. */
export interface GreetFrames {
  /** HEADERS and DATA of a connection's first call, with stream 0. */
  readonly first: Uint8Array;
  /** Of the others, whose fields stand in the server's table then. */
  readonly next: Uint8Array;
  /** The message of a good answer with its five bytes of prefix. */
  readonly expected: Buffer;
}

/** The frames of a load that calls the method of a URL, grpc: or grpcs:. */
export function greetFrames(url: URL): GreetFrames {
  const message = frame(0, 1, prefixed(GreetRequest.toBinary({ name: user })));
  // :method POST, :scheme http or https.
  const known = Buffer.from([0x83, url.protocol === "grpcs:" ? 0x87 : 0x86]);
  const literals = [
    literal(4, ":path", url.pathname),
    literal(1, ":authority", url.host),
    literal(31, "content-type", "application/grpc"),
    literal(0, "te", "trailers"),
    literal(0, "grpc-accept-encoding", "identity,deflate,gzip"),
    literal(58, "user-agent", "weir-bench"),
  ];
  // The newest entry is 62.
  const indices = Buffer.from(literals.map((_, index) => 0x80 | (61 + literals.length - index)));
  return {
    first: Buffer.concat([frame(1, 4, Buffer.concat([known, ...literals])), message]),
    next: Buffer.concat([frame(1, 4, Buffer.concat([known, indices])), message]),
    expected: prefixed(GreetResponse.toBinary(greetingFor(user))),
  };
}
