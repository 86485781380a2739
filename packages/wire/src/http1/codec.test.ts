import assert from "node:assert/strict";
import { test } from "node:test";
import { ClientCall, type ClientResponse } from "../client-call.ts";
import { clientSettingsFrom } from "../client-options.ts";
import type { HttpHandler } from "../http.ts";
import { serverSettingsFrom } from "../options.ts";
import { bytesOf } from "../testing/conversation.ts";
import { MemoryOutput } from "../testing/memory-output.ts";
import { turn } from "../testing/turns.ts";
import { ClientConnection } from "./client-connection.ts";
import { ServerConnection } from "./connection.ts";

test("connections of one server keep their heads apart while bodies are on their way", async () => {
  const seen: string[] = [];
  const handler: HttpHandler = async ({ method, target, authority, headers, body }) => {
    seen.push([method, target, authority, ...headers, Buffer.from(body as Uint8Array).toString()].join(" "));
    return { status: 204, headers: [] };
  };
  const settings = serverSettingsFrom({});
  const connections = ["a", "b", "c"].map((name) => {
    const peer = { address: "memory", secure: false };
    return { name, connection: new ServerConnection(handler, settings, { output: new MemoryOutput(), peer }) };
  });
  for (const { name, connection } of connections)
    connection.receive(bytesOf(`PUT /${name} HTTP/1.1\r\nHost: ${name}\r\nX: ${name}\r\nContent-Length: 2\r\n\r\n${name}`));
  for (const { name, connection } of connections) connection.receive(bytesOf(name));
  await turn();
  assert.deepEqual(seen, ["PUT /a a x a aa", "PUT /b b x b bb", "PUT /c c x c cc"]);
});

test("connections of one client keep their heads apart while bodies are on their way", async () => {
  const settings = clientSettingsFrom({ host: "a", port: 80 });
  const answers: Promise<ClientResponse>[] = [];
  const connections = ["a", "b", "c"].map((name, index) => {
    const connection = new ClientConnection(settings, { free: () => undefined, gone: () => undefined }, new MemoryOutput());
    connection.opened();
    const { promise, resolve, reject } = Promise.withResolvers<ClientResponse>();
    answers.push(promise);
    connection.send(
      new ClientCall({ method: index === 1 ? "HEAD" : "GET", target: "/", headers: [] }, {}, { deadlineMs: Infinity, resolve, reject }),
    );
    return { name, connection, index };
  });
  for (const { name, connection, index } of connections)
    connection.receive(bytesOf(`HTTP/1.1 20${index} OK\r\nX: ${name}\r\nContent-Length: 2\r\n\r\n`));
  for (const { name, connection, index } of connections) if (index !== 1) connection.receive(bytesOf(name + name));
  const told = (await Promise.all(answers)).map(({ status, headers, body, lengthOfGet }) => [
    status,
    ...headers,
    body === undefined ? lengthOfGet : Buffer.from(body as Uint8Array).toString(),
  ]);
  assert.deepEqual(told, [
    [200, "x", "a", "aa"],
    [201, "x", "b", 2],
    [202, "x", "c", "cc"],
  ]);
});
