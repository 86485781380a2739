import Fastify from "fastify";
import { givenPort, greetingFor } from "./greeting.ts";

// Fastify as its documentation advises for speed: a schema for the answer. Its logger is off, which is its default.
const app = Fastify();
const schema = {
  params: { type: "object", properties: { name: { type: "string" } }, required: ["name"] },
  response: {
    200: {
      type: "object",
      properties: {
        message: { type: "string" },
        visits: { type: "integer" },
        score: { type: "number" },
        returning: { type: "boolean" },
        tags: { type: "array", items: { type: "string" } },
      },
    },
  },
};

app.get<{ Params: { name: string } }>("/v1/hello/:name", { schema }, async (request) => greetingFor(request.params.name));
await app.listen({ port: givenPort(), host: "127.0.0.1" });
