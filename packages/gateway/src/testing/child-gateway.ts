import { createGateway } from "../gateway.ts";

// A gateway in a process of its own, for tests that kill it: control's address, state directory. Tells its address.
const [controlUrl, stateDirectory] = process.argv.slice(2);
const gateway = await createGateway({ port: 0, name: "gateway-1", stateDirectory, controlUrl, token: "secret" });
process.stdout.write(`${gateway.url}\n`);
