import type { Socket } from "node:net";
import { connect, createServer } from "node:net";
import type { AddressInfo } from "node:net";
import type { ForwardedLine, Forwarder } from "./forwarder.ts";
import type { SeenRequest } from "./request-case.ts";

/**
 * How a forwarder is lax, so that the judge must find it out: "length-only" does not know Transfer-Encoding, "first-only" sends on
 * whatever comes behind the first head unread, "mixes" gives the answer of one request to the next.
 */
export type Laxness = "length-only" | "first-only" | "mixes";

interface Cut extends SeenRequest {
  readonly head: string;
}

/** A forwarder as careless ones are made: one connection to its backend, heads cut by regular expressions. For tests of the judge. */
export async function startLaxForwarder(backendPort: number, laxness: Laxness): Promise<Forwarder> {
  const made: ForwardedLine[] = [];
  const sockets = new Set<Socket>();
  const held: string[] = [];
  let count = 0;
  const server = createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client);
    client.on("error", () => undefined);
    client.on("close", () => void sockets.delete(client));
    let text = "";
    const backend = connect(backendPort, "127.0.0.1");
    sockets.add(backend);
    backend.on("error", () => undefined);
    backend.on("close", () => {
      sockets.delete(backend);
      client.end();
    });
    backend.on("data", (chunk: Buffer) => {
      const answer = chunk.toString("latin1");
      if (laxness !== "mixes") return void client.write(answer, "latin1");
      held.push(answer);
      if (held.length > 1) client.write(held.shift() as string, "latin1");
    });
    client.on("end", () => backend.end());
    client.on("data", (chunk: Buffer) => {
      text += chunk.toString("latin1");
      const { cuts, rest } = cutsOf(text, laxness);
      text = rest;
      for (const { head, body } of cuts) {
        const requestId = `lax-${++count}`;
        made.push({ requestId, status: 200, attempts: 1 });
        backend.write(`${head}\r\nx-request-id: ${requestId}\r\n\r\n${body}`, "latin1");
      }
      if (laxness === "first-only" && cuts.length === 0 && rest !== "") {
        backend.write(text, "latin1");
        text = "";
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    believed: async (bytes) => cutsOf(bytes, laxness).cuts.map(({ method, target, body }) => ({ method, target, body })),
    lines: () => made.splice(0),
    async stop() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => void server.close(() => resolve()));
    },
  };
}

/** What it takes bytes for, and what it has not cut off. */
function cutsOf(bytes: string, laxness: Laxness): { cuts: Cut[]; rest: string } {
  const cuts: Cut[] = [];
  let rest = bytes;
  for (let end = rest.indexOf("\r\n\r\n"); end >= 0; end = rest.indexOf("\r\n\r\n")) {
    const head = rest.slice(0, end);
    const [method = "", target = ""] = head.trimStart().split(" ");
    const length = Number.parseInt(/\ncontent-length:\s*(\S+)/i.exec(head)?.[1] ?? "0", 10) || 0;
    const until = laxness === "first-only" ? rest.length : end + 4 + length;
    cuts.push({ method, target, head, body: rest.slice(end + 4, until) });
    rest = rest.slice(until);
  }
  return { cuts, rest };
}
