/**
 * Encryptions of zero computed ahead, each used once and never stored.
 *
 * @module
 */
import type { Randomiser } from "./owner_engine.ts";

/** Bytes that an engine spends on two integers beside their digits. */
const overheadBytes = 64;

/**
 * Randomness prepared for later encryptions, within a bound of memory. It lives
 * in memory only, and an item leaves before it is used: two ciphertexts of one
 * randomiser reveal the difference of their plaintexts.
 */
export class RandomiserPool {
  readonly #items: Randomiser[] = [];
  #capacity: number;

  /**
   * @param maxBytes bound of memory
   * @param modulusBytes length of N
   */
  constructor(maxBytes: number, modulusBytes: number) {
    this.#capacity = Math.floor(maxBytes / (2 * modulusBytes + overheadBytes));
  }

  get size(): number {
    return this.#items.length;
  }

  /** How many more fit. */
  get room(): number {
    return this.#capacity - this.#items.length;
  }

  /** Adds one; beyond the bound it is dropped. */
  add(item: Randomiser): void {
    if (this.room > 0) this.#items.push(item);
  }

  /** Removes and returns up to `count` items. */
  take(count: number): Randomiser[] {
    return this.#items.splice(Math.max(0, this.#items.length - count));
  }

  /** Empties it. */
  clear(): void {
    this.#items.length = 0;
  }

  /** Empties it for good. */
  close(): void {
    this.#capacity = 0;
    this.clear();
  }
}
