/** A binary min-heap of numbers 0..n-1, ordered by a comparison of what they stand for. Ties fall to the smaller number. */
export class MinHeap {
  readonly #items: number[] = [];
  readonly #less: (a: number, b: number) => boolean;

  constructor(compare: (a: number, b: number) => number) {
    this.#less = (a, b) => (compare(a, b) || a - b) < 0;
  }

  get size(): number {
    return this.#items.length;
  }

  /** The least item; undefined when empty. */
  get top(): number | undefined {
    return this.#items[0];
  }

  clear(): void {
    this.#items.length = 0;
  }

  push(item: number): void {
    let at = this.#items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#less(item, this.#items[parent]!)) break;
      this.#items[at] = this.#items[parent]!;
      at = parent;
    }
    this.#items[at] = item;
  }

  pop(): number | undefined {
    const top = this.#items[0];
    const last = this.#items.pop();
    if (this.#items.length > 0 && last !== undefined) {
      this.#items[0] = last;
      this.fixTop();
    }
    return top;
  }

  /** Restores the order after what the top stands for has grown. */
  fixTop(): void {
    const items = this.#items;
    const item = items[0];
    if (item === undefined) return;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.#less(items[child + 1]!, items[child]!)) child++;
      if (!this.#less(items[child]!, item)) break;
      items[at] = items[child]!;
      at = child;
    }
    items[at] = item;
  }
}
