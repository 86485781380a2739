import type { ChildProcess } from "node:child_process";
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { FetchNews, FetchOrder, FetchWay } from "./fetch-client.ts";
import type { FetchServerNews } from "./fetch-server.ts";

/** What fetches under way take in the process that makes them, connections included. */
export interface FetchRun {
  readonly way: FetchWay;
  readonly count: number;
  readonly heapBytes: number;
  readonly residentBytes: number;
}

const waitMs = 120_000;

/** Makes so many fetches at once to another process, which answers none until it was measured; then all must be answered. */
export async function measureFetches(way: FetchWay, count: number): Promise<FetchRun> {
  const server = start("fetch-server.ts");
  const client = start("fetch-client.ts");
  try {
    const { port = 0 } = await heard<FetchServerNews>(server, (news) => news.port !== undefined);
    client.send({ begin: way, port, count } satisfies FetchOrder);
    await heard<FetchNews>(client, ({ said }) => said === "begun");
    const endMs = performance.now() + waitMs;
    for (let underWay = 0; underWay < count;) {
      if (performance.now() > endMs) throw new Error(`expected ${count} fetches under way, found ${underWay}`);
      server.send("count");
      ({ underWay = 0 } = await heard<FetchServerNews>(server, (news) => news.underWay !== undefined));
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    client.send("measure" satisfies FetchOrder);
    const { heapBytes, residentBytes } = await heard<FetchNews>(client, ({ said }) => said === "measured");
    server.send("answer");
    await heard<FetchNews>(client, ({ said }) => said === "answered");
    return { way, count, heapBytes, residentBytes };
  } finally {
    for (const child of [server, client]) child.kill("SIGKILL");
  }
}

function start(file: string): ChildProcess {
  return fork(fileURLToPath(new URL(file, import.meta.url)), { execArgv: ["--expose-gc"] });
}

/** The next message that is it. Rejects when the process ends before. */
function heard<News>(child: ChildProcess, isIt: (news: News) => boolean): Promise<News> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void): void => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      done();
    };
    const onMessage = (news: unknown): void => {
      if (isIt(news as News)) settle(() => resolve(news as News));
    };
    const onExit = (code: number | null): void => settle(() => reject(new Error(`expected the process to answer, it ended with ${code}`)));
    const timer = setTimeout(() => settle(() => reject(new Error(`expected the process to answer within ${waitMs} ms`))), waitMs);
    child.on("message", onMessage);
    child.once("exit", onExit);
  });
}
