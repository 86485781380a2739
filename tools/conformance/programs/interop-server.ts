import process from "node:process";
import { createRpcHandler } from "@weir/kit/rpc/node/server";
import { createServer } from "@weir/wire";
import { interopService } from "./interop-service.ts";

/* Serves gRPC's interoperability tests on a free port, which is the one line on standard output. It ends with SIGTERM. */
const server = createServer(createRpcHandler([interopService]));
const { port } = await server.listen({ port: 0 });
process.stdout.write(`${port}\n`);
process.once("SIGTERM", () => void server.close().then(() => process.exit(0)));
