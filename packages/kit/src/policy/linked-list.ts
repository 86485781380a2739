/** A place in a list. */
export interface ListNode<T> {
  value: T;
  previous: ListNode<T> | undefined;
  next: ListNode<T> | undefined;
  /** The list that it is in. */
  list: LinkedList<T> | undefined;
}

/** A node that is in no list yet. */
export function listNode<T>(value: T): ListNode<T> {
  return { value, previous: undefined, next: undefined, list: undefined };
}

/** A list whose first, last and any known node are put in and taken out in constant time; a Map pays for what was taken out before. */
export class LinkedList<T> {
  #first: ListNode<T> | undefined;
  #last: ListNode<T> | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get first(): ListNode<T> | undefined {
    return this.#first;
  }

  get last(): ListNode<T> | undefined {
    return this.#last;
  }

  /** Puts a node at the end. It must be in no list. */
  push(node: ListNode<T>): void {
    node.list = this;
    node.previous = this.#last;
    if (this.#last) this.#last.next = node;
    else this.#first = node;
    this.#last = node;
    this.#size += 1;
  }

  /** Takes a node out; one that is in another list or none stays. */
  remove(node: ListNode<T>): void {
    if (node.list !== this) return;
    if (node.previous) node.previous.next = node.next;
    else this.#first = node.next;
    if (node.next) node.next.previous = node.previous;
    else this.#last = node.previous;
    node.previous = node.next = node.list = undefined;
    this.#size -= 1;
  }
}
