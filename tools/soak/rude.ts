import { once, type EventEmitter } from "node:events";
import type { ClientHttp2Session } from "node:http2";
import { connect as connectHttp2, constants } from "node:http2";
import { connect } from "node:net";
import type { Random } from "@weir/wire/testing/fuzz-targets";

/** Somebody who breaks off, or breaks rules. */
export interface Rude {
  readonly kind: string;
  run(port: number, random: Random): Promise<void>;
}

const openMsMax = 5000;
const heads = [
  "GET /v1/say HTTP/1.1\r\nHost: a\r\n\r\n",
  "POST /v1/say HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 5000\r\n\r\n{",
  "POST /v1/say HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel",
  "GET /echo HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n\x81",
  "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\0\0\x04\x01",
  "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
];

/** What they do. */
export const rudeKinds: readonly Rude[] = [
  { kind: "cut connections", run: cutConnection },
  { kind: "resets", run: (port, random) => withSession(port, (session) => resets(session, random)) },
  {
    kind: "GOAWAY",
    run: (port, random) =>
      withSession(port, async (session) => {
        for (let count = random(4); count > 0; count--) open(session);
        session.goaway(random(2) === 0 ? constants.NGHTTP2_NO_ERROR : constants.NGHTTP2_ENHANCE_YOUR_CALM);
      }),
  },
];

async function cutConnection(port: number, random: Random): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1" });
  socket.on("error", () => undefined);
  const closed = closing(socket);
  const text = heads[random(heads.length)] ?? "";
  socket.write(text.slice(0, 1 + random(text.length)), "latin1");
  setTimeout(() => (random(2) === 0 ? socket.destroy() : socket.resetAndDestroy()), random(8));
  await closed;
}

/** Until it is closed, whatever comes before: `once` would reject with an error while nobody waits yet, which ends the process. */
function closing(one: Pick<EventEmitter, "once">): Promise<void> {
  return new Promise((resolve) => void one.once("close", () => resolve()));
}

/** Opens streams and takes them back, fewer than any server takes for an attack. */
async function resets(session: ClientHttp2Session, random: Random): Promise<void> {
  for (let count = 1 + random(20); count > 0; count--) {
    const stream = open(session);
    if (random(2) === 0) stream.write(Buffer.alloc(random(100)));
    stream.close(random(2) === 0 ? constants.NGHTTP2_CANCEL : constants.NGHTTP2_INTERNAL_ERROR);
  }
  await new Promise<void>((resolve) => void setTimeout(resolve, random(5)));
}

function open(session: ClientHttp2Session): ReturnType<ClientHttp2Session["request"]> {
  const stream = session.request({
    ":method": "POST",
    ":path": "/weir.soak.v1.Talk/Converse",
    "content-type": "application/grpc",
    te: "trailers",
  });
  stream.on("error", () => undefined);
  stream.resume();
  return stream;
}

/** Somebody else's HTTP/2 client, for as long as `action` takes. */
async function withSession(port: number, action: (session: ClientHttp2Session) => Promise<void>): Promise<void> {
  const session = connectHttp2(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  const closed = closing(session);
  try {
    await once(session, "connect", { signal: AbortSignal.timeout(openMsMax) });
    await action(session);
  } finally {
    session.destroy();
    await closed;
  }
}
