/**
 * A map of bounded size that forgets what was not used for longest.
 *
 * @module
 */
/** A map of at most `capacity` entries that forgets the one not used for longest. */
export class LruMap<K, V> {
  readonly #entries = new Map<K, V>();

  constructor(readonly capacity: number) {}

  /** The entry of `key`, made by `make` where it is absent. */
  getOrMake(key: K, make: () => V): V {
    const known = this.#entries.get(key);
    const value = known ?? make();
    this.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size > this.capacity) {
      this.#entries.delete(this.#entries.keys().next().value!);
    }
  }

  /** The entry of `key`, which is then forgotten. */
  take(key: K): V | undefined {
    const value = this.#entries.get(key);
    this.#entries.delete(key);
    return value;
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
