import assert from "node:assert/strict";
import { test } from "node:test";
import type { HttpHandler } from "../http.ts";
import { bytesOf, conversation } from "../testing/conversation.ts";
import { turn } from "../testing/turns.ts";

const get = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

test("connection works on nothing beside a request whose method is not safe", async () => {
  const asked: string[] = [];
  const finish: (() => void)[] = [];
  const handler: HttpHandler = ({ method, target }) => {
    asked.push(`${method} ${target}`);
    return new Promise((resolve) => void finish.push(() => resolve({ status: 200, headers: ["date", target] })));
  };
  const { connection, output } = conversation(handler);
  const post = "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi";
  connection.receive(bytesOf(`${get}GET /2 HTTP/1.1\r\nHost: a\r\n\r\n${post}${post.replace("/3", "/4")}${get}`));
  assert.deepEqual(asked, ["GET /", "GET /2"], "POST waits for both");
  finish[1]?.();
  await turn();
  assert.deepEqual(asked, ["GET /", "GET /2"]);
  finish[0]?.();
  await turn();
  assert.deepEqual(asked.slice(2), ["POST /3"], "and the next waits for it");
  finish[2]?.();
  await turn();
  assert.deepEqual(asked.slice(3), ["POST /4"]);
  finish[3]?.();
  await turn();
  finish[4]?.();
  await turn();
  assert.deepEqual(
    [...output.text().matchAll(/date: (\S+)/g)].map((match) => match[1]),
    ["/", "/2", "/3", "/4", "/"],
  );
});

test("a request that waits is not asked any more when its connection ends", async () => {
  const asked: string[] = [];
  const finish: (() => void)[] = [];
  const handler: HttpHandler = ({ method }) => {
    asked.push(method);
    return new Promise((resolve) => void finish.push(() => resolve({ status: 200, headers: ["connection", "close"] })));
  };
  const { connection, output } = conversation(handler);
  connection.receive(bytesOf(`${get}DELETE / HTTP/1.1\r\nHost: a\r\n\r\n`));
  connection.closed();
  finish[0]?.();
  await turn();
  assert.deepEqual(asked, ["GET"]);
  assert.equal(output.text(), "");
});
