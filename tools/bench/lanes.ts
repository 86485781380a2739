import { writeFileSync } from "node:fs";
import process from "node:process";
import { parseArgs } from "node:util";
import { systemClock } from "@weir/kit/clock";
import type { Round, Scene, SceneFigures } from "./lanes/figures.ts";
import { sceneFigures, wasSaturated } from "./lanes/figures.ts";
import { takeOwnTurn } from "./lanes/own-core.ts";
import { startInstance, takeTurn, work } from "./lanes/turn.ts";

const help = `npm run bench:lanes -- [--rounds N] [--seconds N] [--own-core] [--json FILE]

How long urgent calls take on one instance: alone, with bulk work that asks for twice what the instance can do, behind a
bulkhead with lanes, and the same behind one that serves first come, first. Calls compute in slices of 0.25 ms on one loop; the load is
open. A round takes all three beside each other, and a ratio is the median of rounds. Exit code 1 when the P99 of the urgent lane is
more than twice its idle value.

  --rounds N    default 7
  --seconds N   of each turn, default 5
  --own-core    without sockets, on a clock that goes by what the thread computes: what a core of its own shows, also where others
                want the same one
  --json FILE   also write everything as JSON
  --help        this text

Example: npm run bench:lanes -- --rounds 3 --seconds 2
`;

const ratioMax = 2;
const scenes = ["idle", "lanes", "first-come"] as const;
const say = (line: string): void => void process.stderr.write(`${line}\n`);

async function takeOwnRounds(count: number, seconds: number): Promise<Round[]> {
  const { random } = systemClock;
  const turnOf = (scene: Scene, durationS: number): ReturnType<typeof takeOwnTurn> =>
    takeOwnTurn({ seconds: durationS, withBulk: scene !== "idle", withLanes: scene !== "first-come", random });
  for (const scene of scenes) await turnOf(scene, 0.5);
  const rounds: Round[] = [];
  for (let round = 0; round < count; round++) {
    const [idle, lanes] = [await turnOf("idle", seconds), await turnOf("lanes", seconds)];
    keep(rounds, { idle, lanes, "first-come": await turnOf("first-come", seconds) });
  }
  return rounds;
}

function keep(rounds: Round[], round: Round): void {
  const one = scenes.map((scene) => `${scene} ${sceneFigures(scene, [round]).wallMsP99.toFixed(1)} ms`);
  const isGood = wasSaturated(round);
  if (isGood) rounds.push(round);
  say(`  P99 ${one.join(", ")}${isGood ? "" : " · left out: bulk work did not saturate the instance"}`);
}

async function takeRounds(count: number, seconds: number): Promise<Round[]> {
  await using lanes = await startInstance("lanes");
  await using firstCome = await startInstance("first-come");
  const { random } = systemClock;
  const turnOf = (scene: Scene, durationS: number): ReturnType<typeof takeTurn> =>
    takeTurn(scene === "first-come" ? firstCome : lanes, { seconds: durationS, withBulk: scene !== "idle", random });
  for (const scene of scenes) await turnOf(scene, 1);
  const rounds: Round[] = [];
  for (let round = 0; round < count; round++) {
    const idle = await turnOf("idle", seconds);
    const own = await turnOf("lanes", seconds);
    keep(rounds, { idle, lanes: own, "first-come": await turnOf("first-come", seconds) });
  }
  return rounds;
}

function table(figures: readonly SceneFigures[], ownCore: boolean): string {
  const lines = figures.map((one) => {
    const wall = [one.scene, one.calls, `${one.wallMsP50.toFixed(1)} ms`, `${one.wallMsP99.toFixed(1)} ms`, one.wallRatio.toFixed(2)];
    // On a clock of its own there is no other time than what was computed.
    const computed = ownCore ? [] : [`${one.computedMsP99.toFixed(1)} ms`, one.computedRatio.toFixed(2)];
    return [...wall, ...computed, one.bulkAnswered, one.bulkRefused];
  });
  const computed = ownCore ? [] : ["computed meanwhile, P99", "to idle"];
  const head = ["urgent calls", "count", "P50", "P99", "to idle", ...computed, "bulk answered", "bulk refused"];
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

const { values } = parseArgs({
  options: {
    rounds: { type: "string" },
    seconds: { type: "string" },
    "own-core": { type: "boolean" },
    json: { type: "string" },
    help: { type: "boolean" },
  },
});
if (values.help) {
  process.stdout.write(help);
} else {
  const count = Number(values.rounds ?? 7);
  const seconds = Number(values.seconds ?? 5);
  say(`urgent ${work.urgent.perSecond} × ${work.urgent.computesMs} ms, bulk ${work.bulk.perSecond} × ${work.bulk.computesMs} ms a second`);
  const rounds = await (values["own-core"] ? takeOwnRounds : takeRounds)(count, seconds);
  const figures = scenes.map((scene) => sceneFigures(scene, rounds));
  process.stdout.write(`${table(figures, values["own-core"] === true)}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify({ seconds, work, figures, rounds }, undefined, 2)}\n`);
  const lanes = figures.find(({ scene }) => scene === "lanes");
  const isWithin = lanes !== undefined && lanes.wallRatio <= ratioMax && lanes.urgentFailures === 0 && rounds.length > count / 2;
  say(isWithin ? "the urgent lane keeps its P99 within twice its idle value" : "NOT within twice the idle value");
  process.exitCode = isWithin ? 0 : 1;
}
