import net from "node:net";

/** A raw TCP server that a test scripts byte by byte. */
export interface Origin {
  readonly port: number;
  /** Connections accepted so far. */
  readonly sockets: readonly net.Socket[];
  close(): void;
}

/** Listens on a free port; `serve` is given each connection with its number, from 0. */
export function createOrigin(serve: (socket: net.Socket, index: number) => void): Promise<Origin> {
  const sockets: net.Socket[] = [];
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    socket.on("error", () => undefined);
    serve(socket, sockets.push(socket) - 1);
  });
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => {
      resolve({
        port: (server.address() as net.AddressInfo).port,
        sockets,
        close() {
          server.close();
          for (const socket of sockets) socket.destroy();
        },
      });
    });
  });
}

/** Answers every head that comes with what `answer` gives for its count, from 0. */
export function answerHeads(socket: net.Socket, answer: (count: number, head: string) => string | undefined): void {
  let text = "";
  let count = 0;
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
    for (let end = text.indexOf("\r\n\r\n"); end !== -1; end = text.indexOf("\r\n\r\n")) {
      const head = text.slice(0, end + 4);
      text = text.slice(end + 4);
      const reply = answer(count, head);
      count += 1;
      if (reply !== undefined) socket.write(reply, "latin1");
    }
  });
}
