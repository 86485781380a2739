import { createConnectTransport, createGrpcWebTransport } from "@connectrpc/connect-web";
import { callByConnect } from "./connect-cases.ts";
import { testServiceSchema } from "./test-service-schema.ts";

/* A page that calls the server which its query names, from another origin, by connect-web; what came of it becomes its title. */
const baseUrl = new URLSearchParams(location.search).get("server") ?? "";
const said: string[] = [];
const schema = await testServiceSchema();
for (const [protocol, create] of Object.entries({ connect: createConnectTransport, "gRPC-Web": createGrpcWebTransport })) {
  for (const useBinaryFormat of [true, false]) {
    const name = `${protocol} in ${useBinaryFormat ? "proto" : "JSON"}`;
    try {
      // Browsers send no streams.
      await callByConnect(schema, create({ baseUrl, useBinaryFormat }), { clientStreams: false, bothWays: false });
      said.push(`passed ${name}`);
    } catch (thrown) {
      said.push(`failed ${name}: ${String(thrown)}`);
    }
  }
}
document.title = said.join("; ");
