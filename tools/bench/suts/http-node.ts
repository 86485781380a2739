import { createServer } from "node:http";
import { givenPort, greetingFor } from "./greeting.ts";

// Node's own server with nothing around it: what any framework on top of it must cost at least.
const prefix = "/v1/hello/";

createServer((request, response) => {
  const target = request.url ?? "";
  if (request.method !== "GET" || !target.startsWith(prefix)) {
    response.writeHead(404).end();
    return;
  }
  const body = JSON.stringify(greetingFor(decodeURIComponent(target.slice(prefix.length))));
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}).listen(givenPort(), "127.0.0.1");
