// What a page does with the browser half; bundled by the test, run by Chromium.
import { Call, metadataValue } from "../../call.ts";
import type { Layer, Message } from "../../service.ts";
import { isFault } from "../../fault.ts";
import { createClient } from "../client.ts";
import { streamGzip } from "../compression.ts";
import type { FetchTransportOptions } from "../fetch-transport.ts";
import { createFetchTransport } from "../fetch-transport.ts";
import { Greeter } from "./greeter.weir.ts";

/** What one transport of a page came to. */
export interface BrowserFound {
  readonly greeting: string;
  readonly seal: readonly number[];
  readonly numbers: readonly number[];
  readonly trailer: string;
  readonly failures: readonly string[];
}

type Any = Message<unknown>;

async function outcome(ask: () => Promise<unknown>): Promise<string> {
  try {
    await ask();
    return "OK";
  } catch (thrown) {
    return isFault(thrown) ? `${thrown.code} ${thrown.reason}` : String(thrown);
  }
}

/** Calls every kind of method that a browser can, and meets every kind of failure. */
export async function callFromPage(
  options: Omit<FetchTransportOptions, "compression"> & { readonly gzip?: boolean },
): Promise<BrowserFound> {
  const compression = options.gzip === true ? { accepts: [streamGzip], sends: streamGzip, bytesMin: 0 } : undefined;
  let seen: Call | undefined;
  const keep: Layer<Any, Any> = (next) => (message, call) => next(message, (seen = call));
  const client = createClient(Greeter, createFetchTransport({ ...options, compression }), { layers: [keep], timeoutMs: 10_000 });
  const numbers: number[] = [];
  const read = async (count: number, until: number): Promise<void> => {
    for await (const { number } of client.count({ count, text: "x".repeat(100) })) if (numbers.push(number) === until) break;
  };
  const { greeting, seal } = await client.hello(
    { name: "page – ü", seal: Uint8Array.of(0, 128, 255) },
    { metadata: ["x-echo", "said", "x-echo-bin", "AAEC"] },
  );
  const trailer = metadataValue(seen?.replyTrailers ?? [], "x-trailer-bin") ?? "none";
  await read(3, Infinity);
  // Left while the server goes on.
  await read(0, 6);
  const given = new Call();
  const failures = [
    await outcome(() => client.hello({ name: "fail:9" })),
    await outcome(() => client.hello({ name: "hang" }, { timeoutMs: 100 })),
    await outcome(() => {
      setTimeout(() => given.cancel(), 50);
      return client.hello({ name: "hang" }, given);
    }),
    await outcome(async () => {
      for await (const { number } of client.count({ count: 1, text: "fail" })) numbers.push(number);
    }),
    await outcome(() => client.sum((async function* () {})())),
  ];
  return { greeting, seal: [...seal], numbers, trailer, failures };
}

Object.assign(globalThis, { callFromPage });
