/**
 * Events in the order of their times: a binary heap.
 *
 * @module
 */
/** Things to happen, the earliest first: a binary heap. */
export class EventQueue<T> {
  readonly #times: number[] = [];
  readonly #values: T[] = [];

  get size(): number {
    return this.#times.length;
  }

  push(time: number, value: T): void {
    let at = this.#times.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#times[parent] <= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#times[at] = time;
    this.#values[at] = value;
  }

  /** @throws {RangeError} if nothing is left */
  pop(): { time: number; value: T } {
    if (this.size === 0) throw new RangeError("Cannot pop: the queue is empty");
    const first = { time: this.#times[0], value: this.#values[0] };
    const time = this.#times.pop()!, value = this.#values.pop()!;
    const length = this.size;
    if (length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= length) break;
      if (child + 1 < length && this.#times[child + 1] < this.#times[child]) {
        child++;
      }
      if (this.#times[child] >= time) break;
      this.#move(child, at);
      at = child;
    }
    this.#times[at] = time;
    this.#values[at] = value;
    return first;
  }

  #move(from: number, to: number): void {
    this.#times[to] = this.#times[from];
    this.#values[to] = this.#values[from];
  }
}
