import { createApp, implement } from "@weir/kit";
import process from "node:process";
import { Hello } from "../hello.weir.ts";

// An instance for bench:warm-up: greets, and does for it what services do: looks things up, sorts, makes text. PRACTISE=1 warms it up.
const { PRACTISE = "0" } = process.env;

interface Row {
  readonly name: string;
  readonly score: number;
}

const rows: readonly Row[] = Array.from({ length: 2000 }, (_, index) => ({ name: `row-${index}`, score: (index * 7919) % 1000 }));

const service = implement(Hello, {
  async greet({ name }) {
    // From one call to the next this grows by what one request costs, from its first byte to its last.
    const { user, system } = process.threadCpuUsage();
    const cpuUs = user + system;
    const seed = name.length + (name.codePointAt(0) ?? 0);
    const near = rows.filter(({ score }) => (score + seed) % 11 === 0).toSorted((left, right) => right.score - left.score);
    const text = JSON.stringify(near.slice(0, 20));
    const best = (JSON.parse(text) as Row[]).map((row) => `${row.name}:${row.score}`);
    return {
      message: `hello ${name}`,
      visits: near.length,
      score: best.length,
      returning: false,
      tags: [String(process.pid), String(cpuUs), ...best.slice(0, 3)],
    };
  },
});

// On a machine that is busy with other things a guard would shed, and say nothing about warm-up.
const app = createApp({ name: "hello", services: [service], policies: { shedding: false } });
if (PRACTISE === "1")
  app.practise(Hello, { greet: (client, round) => client.greet({ name: `practice-${round}` }) }, { protocol: "connect" });
await app.run();
