import type { Endpoint } from "./endpoint.ts";
import type { Picker } from "./picker.ts";

/**
 * One after the other. Where weights differ, one with half the weight of the heaviest sits out every other round (static stride scheduling,
 * as gRPC A58 has it): no state but a counter. It begins at a place by chance, so that many clients do not march in step.
 */
export function createRoundRobin(random: () => number): Picker {
  let list: readonly Endpoint[] = [];
  let weightMax = 1;
  let turn = Math.floor(random() * 1_000_000);

  function next(): Endpoint | undefined {
    const count = list.length;
    // Whoever is heaviest never sits out, so two rounds find one.
    for (let tries = 0; tries <= 2 * count; tries++) {
      const place = turn % count;
      const round = Math.floor(turn / count);
      turn += 1;
      const endpoint = list[place] as Endpoint;
      const share = endpoint.weight / weightMax;
      if (share >= 1) return endpoint;
      // Each begins at another point of its stride, so that the light ones do not all come in the same round.
      const offset = place / count;
      if (Math.floor((round + 1) * share + offset) > Math.floor(round * share + offset)) return endpoint;
    }
    return list[0];
  }

  return {
    use(all, available) {
      list = available.length > 0 ? available : all;
      weightMax = Math.max(0, ...list.map((endpoint) => endpoint.weight));
    },
    pick({ tried }) {
      if (list.length === 0) return undefined;
      let endpoint = next();
      for (let others = 1; others < list.length && endpoint !== undefined && tried.includes(endpoint); others++) {
        endpoint = list[(list.indexOf(endpoint) + 1) % list.length];
      }
      return endpoint;
    },
  };
}
