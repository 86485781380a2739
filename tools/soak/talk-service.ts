import type { Clock } from "@weir/kit/clock";
import type { Implementation } from "@weir/kit/rpc/implement";
import { implement } from "@weir/kit/rpc/implement";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import type { HttpHandler, WebSocketListener } from "@weir/wire";
import { createWebSocketServer } from "@weir/wire";
import { Talk } from "./talk.weir.ts";

/** How many handlers and sessions have not come to their end. */
export interface Load {
  handlers: number;
  sessions: number;
}

/** Answers everything that the soak asks for: RPC in every protocol, REST, and an echo over WebSocket. */
export function createTalkHandler(load: Load, clock: Clock): HttpHandler {
  const sockets = createWebSocketServer({ clock });
  const echo: WebSocketListener = {
    message: (session, data) => void session.trySend(data),
    closed: () => void (load.sessions -= 1),
  };
  const fallback: HttpHandler = async (request) => {
    if (request.upgrade !== "websocket") return { status: 404, headers: [] };
    return sockets.accept(request, (session) => {
      load.sessions += 1;
      session.listen(echo);
    });
  };
  return createRpcHandler([createTalk(load, clock)], { fallback, clock });
}

function createTalk(load: Load, clock: Clock): Implementation {
  const entered = async <T>(work: () => Promise<T>): Promise<T> => {
    load.handlers += 1;
    try {
      return await work();
    } finally {
      load.handlers -= 1;
    }
  };
  return implement(Talk, {
    say: ({ text, delayMs }, call) =>
      entered(async () => {
        if (delayMs > 0) await clock.sleep(delayMs, call.signal);
        return { text };
      }),
    async *count({ text, times, delayMs }, call) {
      load.handlers += 1;
      try {
        for (let number = 0; number < times; number++) {
          if (delayMs > 0) await clock.sleep(delayMs, call.signal);
          yield { text: `${text} ${number}` };
        }
      } finally {
        load.handlers -= 1;
      }
    },
    gather: (requests) =>
      entered(async () => {
        let text = "";
        for await (const one of requests) text += one.text;
        return { text };
      }),
    async *converse(requests, call) {
      load.handlers += 1;
      try {
        for await (const { text, delayMs } of requests) {
          if (delayMs > 0) await clock.sleep(delayMs, call.signal);
          yield { text };
        }
      } finally {
        load.handlers -= 1;
      }
    },
  });
}
