import type { ListNode } from "./linked-list.ts";
import { LinkedList, listNode } from "./linked-list.ts";

/** One caller's line, with its places in the order of turns and among the lines of the same length. A class as it refers to itself. */
class CallerLine<T> {
  readonly caller: string;
  readonly waiting: LinkedList<T> = new LinkedList();
  readonly turn: ListNode<CallerLine<T>> = listNode(this);
  readonly length: ListNode<CallerLine<T>> = listNode(this);

  constructor(caller: string) {
    this.caller = caller;
  }
}

/** A place in a lane: what leaves it by itself is known by it. */
export interface LanePlace<T> {
  readonly node: ListNode<T>;
  readonly line: CallerLine<T>;
}

/**
 * Those that wait in one lane. Callers take turns, whoever has how many; within a caller the eldest goes first. Everything takes constant
 * time, however long the lane is.
 */
export class LaneQueue<T> {
  readonly #lines = new Map<string, CallerLine<T>>();
  readonly #turns = new LinkedList<CallerLine<T>>();
  /** Lines by how many wait in them. */
  readonly #byLength: LinkedList<CallerLine<T>>[] = [];
  #longest = 0;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** How many wait in the longest line. */
  get longest(): number {
    return this.#longest;
  }

  /** How many of a caller wait. */
  waitingOf(caller: string): number {
    return this.#lines.get(caller)?.waiting.size ?? 0;
  }

  push(caller: string, value: T): LanePlace<T> {
    const line = this.#lines.get(caller) ?? this.#begin(caller);
    const node = listNode(value);
    this.#resize(line, () => line.waiting.push(node));
    return { node, line };
  }

  /** Takes the eldest of the caller whose turn it is, among those that `may` go. Undefined when there is none. */
  shift(may?: (caller: string) => boolean): T | undefined {
    for (let tried = this.#turns.size; tried > 0; tried--) {
      const line = this.#turns.first?.value;
      if (!line) return undefined;
      this.#turns.remove(line.turn);
      this.#turns.push(line.turn);
      if (may && !may(line.caller)) continue;
      const node = line.waiting.first;
      if (!node) return undefined;
      this.remove({ node, line });
      return node.value;
    }
    return undefined;
  }

  /** The youngest of the caller that has most waiting: who pays when there is no room. */
  youngestOfLongest(): T | undefined {
    return this.#byLength[this.#longest]?.first?.value.waiting.last?.value;
  }

  /** The eldest of each caller, for whoever asks how long one waits. */
  *eldest(): Generator<T> {
    for (const { waiting } of this.#lines.values()) if (waiting.first) yield waiting.first.value;
  }

  /** Takes one out, wherever it stands. One that has left already changes nothing. */
  remove({ node, line }: LanePlace<T>): void {
    if (node.list !== line.waiting) return;
    this.#resize(line, () => line.waiting.remove(node));
    if (line.waiting.size > 0) return;
    this.#turns.remove(line.turn);
    this.#lines.delete(line.caller);
  }

  #begin(caller: string): CallerLine<T> {
    const line = new CallerLine<T>(caller);
    this.#lines.set(caller, line);
    this.#turns.push(line.turn);
    return line;
  }

  #resize(line: CallerLine<T>, change: () => void): void {
    const before = line.waiting.size;
    if (before > 0) this.#byLength[before]?.remove(line.length);
    change();
    const { size } = line.waiting;
    this.#size += size - before;
    if (size > 0) (this.#byLength[size] ??= new LinkedList()).push(line.length);
    // It changes by one at a time, so the next longest is right beneath.
    if (size > this.#longest) this.#longest = size;
    else if (before === this.#longest && (this.#byLength[before]?.size ?? 0) === 0) {
      this.#byLength.length = before;
      this.#longest = before - 1;
    }
  }
}
