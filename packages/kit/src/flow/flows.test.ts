import assert from "node:assert/strict";
import { test } from "node:test";
import { createApp } from "../app/app.ts";
import { Call } from "../call.ts";
import { createGreeter } from "../rpc/testdata/greeter.ts";
import { createFlows } from "./flows.ts";
import { faultOf } from "./testing/counting-actor.ts";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test("channels and actors of an app are on its admin port and its metrics by themselves", async () => {
  const app = createApp({ name: "sample", services: [createGreeter()] });
  const flows = createFlows(app);
  await using running = await app.start();
  const url = `http://127.0.0.1:${running.adminPort}`;
  const ask = (path: string): Promise<Response> => fetch(`${url}${path}`, { headers: { connection: "close" } });
  const page = async (): Promise<unknown> => (await ask("/flow")).json();
  const line = async (text: string): Promise<void> => assert.ok((await (await ask("/metrics")).text()).includes(`${text}\n`), text);

  const jobs = flows.channel<number>({ name: "jobs", capacity: 2 });
  await jobs.send(1);
  await jobs.send(2);
  const sending = jobs.send(3);
  const root = flows.supervisor({ name: "root", backoffMsMin: 1 });
  const gate = Promise.withResolvers<void>();
  const handlers = { wait: (): Promise<void> => gate.promise, fail: (): never => assert.fail("planned") };
  const mailbox = { capacity: 2, overflow: "reject" } as const;
  const actor = root.supervisor({ name: "branch" }).actor({ name: "worker", mailbox, state: () => undefined, handlers });
  const asked = actor.ask(new Call(), "wait");
  await turn();
  await actor.tell("fail");
  const last = actor.ask(new Call({ timeoutMs: 10_000 }), "wait");
  await assert.rejects(actor.tell("wait"), faultOf("MAILBOX_FULL"));
  assert.deepEqual(await page(), {
    channels: [{ name: "jobs", waiting: 2, capacity: 2, sendersWaiting: 1 }],
    supervisors: [
      {
        kind: "supervisor",
        name: "root",
        state: "running",
        strategy: "one_for_one",
        children: [
          {
            kind: "supervisor",
            name: "branch",
            state: "running",
            strategy: "one_for_one",
            children: [{ kind: "actor", name: "worker", state: "running", waiting: 2, capacity: 2, restarts: 0 }],
          },
        ],
        deadLetters: {
          counts: { MAILBOX_FULL: 1 },
          newest: [{ actor: "worker", message: "wait", reason: "MAILBOX_FULL", atMs: root.deadLetters.newest(1)[0]?.atMs }],
        },
      },
    ],
  });
  await line('weir_actor_waiting{supervisor="root",actor="worker"} 2');
  await line('weir_channel_waiting{channel="jobs"} 2');
  await line('weir_channel_senders_waiting{channel="jobs"} 1');
  gate.resolve();
  await Promise.all([asked, last]);
  await line('weir_actor_messages_total{actor="worker",outcome="handled"} 2');
  await line('weir_actor_messages_total{actor="worker",outcome="failed"} 1');
  await line('weir_actor_restarts_total{actor="worker"} 1');
  await line('weir_actor_dead_letters_total{supervisor="root",reason="ACTOR_FAILED"} 1');
  await line('weir_actor_dead_letters_total{supervisor="root",reason="MAILBOX_FULL"} 1');
  jobs.close();
  await assert.rejects(sending, faultOf("CHANNEL_CLOSED"));
  for (let left = 2; left > 0; left--) await jobs.receive();
  await root.stop();
  assert.deepEqual(await page(), { channels: [], supervisors: [] });
  assert.doesNotMatch(await (await ask("/metrics")).text(), /channel="jobs"|weir_actor_waiting\{/);
});
