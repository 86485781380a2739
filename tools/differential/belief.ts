import type { ConnectionOutput } from "@weir/wire";
import { createConnection, readBody } from "@weir/wire";
import type { SeenRequest } from "./request-case.ts";

const bodyBytesMax = 1 << 22;
const turnsMax = 200;

/** What the gateway's server takes bytes for: the same state machine, in memory, told that the client has ended its direction. */
export async function believedIn(bytes: string): Promise<SeenRequest[]> {
  const list: (SeenRequest | undefined)[] = [];
  let isOver = false;
  const over = (): void => {
    isOver = true;
  };
  const output: ConnectionOutput = { write: () => true, pause() {}, resume() {}, end: over, destroy: over };
  const connection = createConnection(
    async ({ method, target, body }) => {
      const place = list.push(undefined) - 1;
      list[place] = { method, target, body: Buffer.from(await readBody(body, bodyBytesMax)).toString("latin1") };
      return { status: 200, headers: [] };
    },
    {},
    output,
  );
  const buffer = Buffer.from(bytes, "latin1");
  connection.receive(buffer, buffer.length, true);
  await turns(1);
  if (!isOver) connection.end();
  for (let turn = 0; turn < turnsMax && !isOver; turn++) await turns(1);
  await turns(2);
  connection.closed();
  return list.filter((one) => one !== undefined);
}

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
