import { Agent, createServer } from "node:http";
import { createProxyServer } from "http-proxy-3";

// http-proxy-3 behind Node's server, with keep-alive connections to the upstream (its default opens one per request).
const [port, backendPort] = process.argv.slice(2).map(Number);

const proxy = createProxyServer({ target: `http://127.0.0.1:${backendPort}`, agent: new Agent({ keepAlive: true, maxSockets: 64 }) });
createServer((request, response) => {
  proxy.web(request, response);
}).listen(port, "127.0.0.1");
