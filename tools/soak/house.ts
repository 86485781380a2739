import type { Clock } from "@weir/kit/clock";
import { createServer } from "@weir/wire";
import { keptPort } from "./kept-port.ts";
import type { Load } from "./talk-service.ts";
import { createTalkHandler } from "./talk-service.ts";

/** The server in this process, whose memory and handles are watched. */
export interface House {
  readonly port: number;
  readonly load: Load;
  /** Connections that are open. */
  connections(): number;
  /** Drains, which tells HTTP/2 clients GOAWAY, and listens again on the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

const drainMs = 200;

/** Starts it on a free port, by this clock. */
export async function startHouse(clock: Clock): Promise<House> {
  const load: Load = { handlers: 0, sessions: 0 };
  const handler = createTalkHandler(load, clock);
  let server = createServer(handler, { clock });
  const { port } = await server.listen({ port: await keptPort() });
  return {
    port,
    load,
    connections: () => server.counters.connectionsOpen,
    async restart() {
      await server.drain(drainMs);
      server = createServer(handler, { clock });
      await server.listen({ port });
    },
    stop: () => server.close(),
  };
}
