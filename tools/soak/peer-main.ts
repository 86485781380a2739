import process from "node:process";
import { systemClock } from "@weir/kit/clock";
import { createServer } from "@weir/wire";
import { createTalkHandler } from "./talk-service.ts";

// A peer in a process of its own, for being ended: at once by SIGKILL, with a drain by SIGTERM. Tells its parent when it serves.
const server = createServer(createTalkHandler({ handlers: 0, sessions: 0 }, systemClock));
await server.listen({ port: Number(process.argv[2]) });
process.send?.("serving");
process.once("disconnect", () => process.exit());
process.once("SIGTERM", () => void server.drain(300).then(() => process.exit()));
