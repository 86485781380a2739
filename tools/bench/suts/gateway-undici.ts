import { createServer } from "node:http";
import type { IncomingHttpHeaders } from "node:http";
import { Pool } from "undici";

// The least that a proxy on Node's server and undici's client costs: no routing, no log, no metrics, one hop header taken out.
const [port, backendPort] = process.argv.slice(2).map(Number);
const pool = new Pool(`http://127.0.0.1:${backendPort}`, { connections: 64 });

function forwarded(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const { connection: _, ...rest } = headers;
  return rest;
}

createServer((request, response) => {
  const method = request.method ?? "GET";
  const hasBody = method !== "GET" && method !== "HEAD";
  const options = { path: request.url ?? "/", method, headers: forwarded(request.headers), body: hasBody ? request : null };
  pool
    .stream(options, ({ statusCode, headers }) => response.writeHead(statusCode, forwarded(headers)))
    .catch(() => {
      if (!response.headersSent) response.writeHead(502);
      response.end();
    });
}).listen(port, "127.0.0.1");
