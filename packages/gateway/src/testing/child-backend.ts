import { createServer } from "@weir/wire";

// A backend in a process of its own, for tests that kill it. Answers "<pid>"; tells its port on the standard output.
const server = createServer(async (request) => {
  if (request.target.startsWith("/slow")) await new Promise((resolve) => setTimeout(resolve, 50));
  return { status: 200, headers: ["content-type", "text/plain"], body: Buffer.from(String(process.pid)) };
});
const { port } = await server.listen({ port: 0 });
process.stdout.write(`${port}\n`);
