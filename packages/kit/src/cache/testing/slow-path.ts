import { once } from "node:events";
import net from "node:net";

/** A way to a server on which everything arrives later, or nothing any more. */
export interface SlowPath extends AsyncDisposable {
  readonly url: string;
  /** For every piece in either direction. Default 0. */
  delayMs: number;
  /** From now on nothing gets through on the connections that there are, and nobody is told. */
  silence(): void;
}

/** Makes one to a port of this machine. */
export async function startSlowPath(port: number): Promise<SlowPath> {
  const sockets = new Set<net.Socket>();
  const silent = new WeakSet<net.Socket>();
  const carry = (from: net.Socket, to: net.Socket): void => {
    sockets.add(from);
    from.on("data", (chunk) => {
      if (!silent.has(from)) setTimeout(() => to.destroyed || to.write(chunk), path.delayMs);
    });
    from.on("close", () => {
      sockets.delete(from);
      to.destroy();
    });
    from.on("error", () => undefined);
  };
  const server = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    carry(near, far);
    carry(far, near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const path: SlowPath = {
    url: `redis://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    delayMs: 0,
    silence() {
      for (const socket of sockets) silent.add(socket);
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
  return path;
}
