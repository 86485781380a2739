import type { Socket } from "node:net";
import { connect } from "node:net";

/** What 64 clients saw that ask without pause, each on a connection that it keeps. */
export interface KeepAliveLoad {
  /** Answers by status line code. */
  readonly statuses: Map<number, number>;
  /** Answers by `x-weir-version`. */
  readonly versions: Map<string, number>;
  /** Connections that the other side closed or reset. */
  closed: number;
  /** The first answers that were not 200, for the message of a failed test. */
  readonly odd: string[];
  stop(): Promise<void>;
}

/** Opens the connections and asks on each as soon as the answer before is whole. Answers must carry Content-Length. */
export function startKeepAliveLoad({
  port,
  connections,
  targetOf,
}: {
  port: number;
  connections: number;
  targetOf: (count: number) => string;
}): KeepAliveLoad {
  let count = 0;
  let stopping = false;
  const clients: Promise<void>[] = [];
  const load: KeepAliveLoad = {
    statuses: new Map(),
    versions: new Map(),
    closed: 0,
    odd: [],
    async stop() {
      stopping = true;
      await Promise.all(clients);
    },
  };
  for (let index = 0; index < connections; index++) {
    clients.push(
      new Promise((resolve) => {
        const socket = connect(port, "127.0.0.1");
        let text = "";
        const ask = (): void => void socket.write(`GET ${targetOf(count++)} HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\n\r\n`);
        socket.setEncoding("latin1");
        socket.on("connect", ask);
        socket.on("error", () => {});
        socket.on("close", () => {
          if (!stopping) load.closed += 1;
          resolve();
        });
        socket.on("data", (chunk: string) => {
          text += chunk;
          const end = endOfAnswer(text);
          if (end < 0) return;
          note(load, text.slice(0, end));
          text = text.slice(end);
          if (stopping) finish(socket);
          else ask();
        });
      }),
    );
  }
  return load;
}

function endOfAnswer(text: string): number {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd < 0) return -1;
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, headEnd + 2))?.[1];
  const end = headEnd + 4 + Number(length ?? 0);
  return text.length >= end ? end : -1;
}

function note(load: KeepAliveLoad, answer: string): void {
  const status = Number(answer.slice(9, 12));
  load.statuses.set(status, (load.statuses.get(status) ?? 0) + 1);
  const version = /\r\nx-weir-version: (\S+)/i.exec(answer)?.[1];
  if (version !== undefined) load.versions.set(version, (load.versions.get(version) ?? 0) + 1);
  if (status !== 200 && load.odd.length < 5) load.odd.push(answer.slice(0, 600));
}

function finish(socket: Socket): void {
  socket.end();
  socket.destroy();
}
