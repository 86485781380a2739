import assert from "node:assert/strict";
import { test } from "node:test";
import { Call } from "./call.ts";
import type { Layer, Message, Service } from "./service.ts";
import { layered } from "./service.ts";

function named(name: string, seen: string[]): Layer<string, string> {
  return (next) => async (request, call) => {
    seen.push(`${name} in`);
    try {
      return await next(request, call);
    } finally {
      seen.push(`${name} out`);
    }
  };
}

test("layered puts the first layer outermost", async () => {
  const seen: string[] = [];
  const service = layered(async (request: string) => request.toUpperCase(), [named("a", seen), named("b", seen)]);
  assert.equal(await service("x", new Call()), "X");
  assert.deepEqual(seen, ["a in", "b in", "b out", "a out"]);
});

test("layered without layers gives the service itself", () => {
  const service: Service<string, string> = async (request) => request;
  assert.equal(layered(service, []), service);
});

test("a layer sees the rejection of the service and may answer instead", async () => {
  const rescue: Layer<string, string> = (next) => (request, call) => next(request, call).catch((thrown: Error) => thrown.message);
  const service = layered(async (): Promise<string> => Promise.reject(new Error("broken")), [rescue]);
  assert.equal(await service("x", new Call()), "broken");
});

test("one layer guards a single message and a stream alike", async () => {
  const refuse: Layer<Message<number>, Message<number>> = () => () => Promise.reject(new Error("refused"));
  const service = layered<Message<number>, Message<number>>(async (request) => request, [refuse]);
  const endless = { [Symbol.asyncIterator]: () => ({ next: async () => ({ done: false as const, value: 1 }) }) };
  await assert.rejects(service({ stream: false, message: 1 }, new Call()), /refused/);
  await assert.rejects(service({ stream: true, messages: endless }, new Call()), /refused/);
});
