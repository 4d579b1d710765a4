/** A queue whose items are numbered from 1 and found by number; items leave at the front only. */

export class Ring<T> {
  #items: (T | undefined)[] = [];
  /** Index of the first item that has not left. */
  #head = 0;
  /** Number of the item at index 0. */
  #base = 1;

  /** Number that the next item pushed will have. */
  get nextSeq(): number {
    return this.#base + this.#items.length;
  }

  push(item: T): void {
    this.#items.push(item);
  }

  first(): T | undefined {
    return this.#items[this.#head];
  }

  shift(): void {
    if (this.#head >= this.#items.length) return;
    this.#items[this.#head] = undefined;
    this.#head += 1;
    // Moving the rest down now and then costs each item one move at most, on average.
    if (this.#head > 1_000 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#base += this.#head;
      this.#head = 0;
    }
  }

  /** How many items have a higher number. */
  countAfter(seq: number): number {
    return this.#items.length - this.#indexAfter(seq);
  }

  *after(seq: number): Generator<T, undefined> {
    for (let index = this.#indexAfter(seq); index < this.#items.length; index += 1) {
      const item = this.#items[index];
      if (item !== undefined) yield item;
    }
  }

  [Symbol.iterator](): Generator<T, undefined> {
    return this.after(0);
  }

  #indexAfter(seq: number): number {
    return Math.min(this.#items.length, Math.max(this.#head, seq + 1 - this.#base));
  }
}
