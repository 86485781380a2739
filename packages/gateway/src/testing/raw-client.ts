import { connect, type Socket } from "node:net";

/** An answer read from a raw connection. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
}

/** One kept connection that asks one thing at a time, with nothing between the test and the bytes. */
export interface RawClient {
  /** Asks; rejects when the connection ends before the answer is whole. Only for answers with Content-Length. */
  ask(request: string): Promise<RawAnswer>;
  /** Sends bytes and gives back all that comes until the other side ends. */
  exchange(bytes: string): Promise<string>;
  readonly socket: Socket;
  /** Whether the other side has closed it. */
  closedByPeer(): boolean;
  close(): void;
}

/** Connects to a port on this machine. */
export function connectRaw(url: string): RawClient {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let text = "";
  let closed = false;
  let wake: (() => void) | undefined;
  socket.setEncoding("latin1");
  socket.on("data", (chunk: string) => {
    text += chunk;
    wake?.();
  });
  for (const event of ["end", "close", "error"]) {
    socket.on(event, () => {
      closed = true;
      wake?.();
    });
  }
  const more = (): Promise<void> =>
    new Promise((resolve) => {
      wake = resolve;
    });
  return {
    socket,
    async ask(request) {
      socket.write(request, "latin1");
      for (;;) {
        const answer = answerIn(text);
        if (answer !== undefined) {
          text = text.slice(answer.length);
          return answer;
        }
        if (closed) throw new Error(`the connection ended after ${JSON.stringify(text.slice(0, 200))}`);
        await more();
      }
    },
    async exchange(bytes) {
      socket.write(bytes, "latin1");
      while (!closed) await more();
      return text;
    },
    closedByPeer: () => closed,
    close: () => socket.destroy(),
  };
}

/** A GET that keeps the connection. */
export function getRequest(target: string, headers: readonly string[] = []): string {
  return `GET ${target} HTTP/1.1\r\nhost: test\r\n${headers.map((line) => `${line}\r\n`).join("")}\r\n`;
}

function answerIn(text: string): (RawAnswer & { readonly length: number }) | undefined {
  const headEnd = text.indexOf("\r\n\r\n");
  if (headEnd === -1) return undefined;
  const [start = "", ...lines] = text.slice(0, headEnd).split("\r\n");
  const headers = new Map(lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]));
  const length = headEnd + 4 + Number(headers.get("content-length") ?? 0);
  if (text.length < length) return undefined;
  return { status: Number(start.split(" ")[1]), headers, body: text.slice(headEnd + 4, length), length };
}
