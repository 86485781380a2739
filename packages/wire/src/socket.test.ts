import assert from "node:assert/strict";
import net from "node:net";
import { test, type TestContext } from "node:test";
import tls from "node:tls";
import { acceptedSocket, connectSocket, securedSocket, SocketOutput, type SocketAndEvents, type SocketEvents } from "./socket.ts";
import { createAuthority } from "./testing/certificates.ts";
import { until } from "./testing/turns.ts";

const authority = createAuthority();
const local = authority.issue({ ip: ["127.0.0.1"] });
const many = Buffer.alloc(1_000_000, "0123456789abcdef");

/** What came, and how it came. */
class Heard implements SocketEvents {
  readonly parts: Buffer[] = [];
  readonly events: string[] = [];
  borrowed = false;
  ended = false;
  over = false;

  receive(bytes: Uint8Array, end: number, borrowed: boolean): void {
    this.borrowed ||= borrowed;
    this.parts.push(Buffer.from(bytes.subarray(0, end)));
  }

  end(): void {
    this.ended = true;
  }

  drained(): void {
    this.events.push("drained");
  }

  closed(): void {
    this.over = true;
  }

  get bytes(): Buffer {
    return Buffer.concat(this.parts);
  }
}

interface Way {
  readonly name: string;
  readonly borrowed: boolean;
  readonly secure: boolean;
  take(socket: net.Socket): SocketAndEvents;
}

const ways: readonly Way[] = [
  { name: "an accepted socket", borrowed: true, secure: false, take: (socket) => acceptedSocket(socket) },
  { name: "an accepted socket without a handle", borrowed: false, secure: false, take: (socket) => acceptedSocket(socket, null) },
  { name: "a socket of TLS", borrowed: true, secure: true, take: (socket) => securedSocket(socket as tls.TLSSocket) },
  {
    name: "a socket of TLS without a buffer",
    borrowed: false,
    secure: true,
    take: (socket) => securedSocket(socket as tls.TLSSocket, null),
  },
];

async function joined(t: TestContext, way: Way): Promise<{ heard: Heard; socket: net.Socket; client: net.Socket }> {
  const { promise, resolve } = Promise.withResolvers<SocketAndEvents>();
  const take = (socket: net.Socket): void => resolve(way.take(socket));
  const server = way.secure
    ? tls.createServer({ cert: local.certificate, key: local.key, allowHalfOpen: true }, take)
    : net.createServer({ allowHalfOpen: true, pauseOnConnect: true }, take);
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as net.AddressInfo;
  const to = { port, host: "127.0.0.1", allowHalfOpen: true };
  const client = way.secure ? tls.connect({ ...to, ca: authority.pem }) : net.connect(to);
  const { socket, listen } = await promise;
  const heard = new Heard();
  listen(heard);
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return { heard, socket, client };
}

for (const way of ways) {
  test(`${way.name} is read to its end, and written after it`, async (t) => {
    const { heard, socket, client } = await joined(t, way);
    client.end(many);
    await until(() => heard.ended);
    assert.ok(heard.bytes.equals(many));
    assert.equal(heard.borrowed, way.borrowed);
    let answer = "";
    client.on("data", (bytes: Buffer) => (answer += bytes.toString()));
    socket.end("told");
    await until(() => answer === "told" && heard.over);
  });

  test(`${way.name} that is paused holds back its sender, and goes on where it was`, async (t) => {
    const { heard, socket, client } = await joined(t, way);
    client.write("some");
    await until(() => heard.bytes.length > 0);
    socket.pause();
    const before = heard.bytes.length;
    while (client.write(many));
    await until(() => client.writableLength > 0 && client.writableNeedDrain);
    // Whatever was on its way when it was paused.
    assert.ok(heard.bytes.length - before <= 131_072, `${heard.bytes.length - before} bytes came after pause`);
    client.end();
    socket.resume();
    await until(() => heard.ended);
    assert.equal(heard.bytes.length, client.bytesWritten);
  });

  test(`${way.name} tells of its end when the other side is killed, and of room when it is read`, async (t) => {
    const { heard, socket, client } = await joined(t, way);
    client.pause();
    while (socket.write(many));
    client.on("error", () => undefined).resume();
    await until(() => heard.events.includes("drained"));
    if (client instanceof tls.TLSSocket) client.destroy();
    else client.resetAndDestroy();
    await until(() => {
      // A half-open end is an end; the rest is known by writing.
      if (heard.ended && !socket.destroyed) socket.destroy();
      return heard.over;
    });
  });
}

test("a connecting socket tells when it stands, and reads into the buffer of all", async (t) => {
  const server = net.createServer((socket) => socket.end("hello"));
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  t.after(() => server.close());
  const heard = new Heard();
  let isOpen = false;
  const { socket, listen } = connectSocket("127.0.0.1", (server.address() as net.AddressInfo).port);
  listen({
    opened: () => (isOpen = true),
    receive: (...told) => heard.receive(...told),
    end: () => heard.end(),
    drained: () => heard.drained(),
    closed: () => heard.closed(),
  });
  await until(() => heard.ended);
  assert.deepEqual([isOpen, heard.bytes.toString(), heard.borrowed], [true, "hello", true]);
  socket.destroy();
  await until(() => heard.over);
});

test("output to a socket that has been destroyed is full, so that nobody writes on for ever before its end is heard", async (t) => {
  for (const way of ways) {
    const { socket } = await joined(t, way);
    const output = new SocketOutput(socket);
    assert.equal(output.write("some", false), true);
    socket.destroy();
    assert.equal(output.write("some", false), false);
    assert.equal(output.write(many, false), false);
    output.flush();
  }
});
