import { freePort } from "../services/host.ts";

const first = 15_000;
const count = 15_000;

/**
 * A free port that stays ours while nobody listens there: below those that the system gives to outgoing connections, one of which
 * could else take it while a server is being restarted.
 */
export async function keptPort(): Promise<number> {
  for (;;) {
    const wanted = first + Math.floor(Math.random() * count);
    if ((await freePort(wanted)) === wanted) return wanted;
  }
}
