/**
 * What a store of objects must do.
 *
 * @module
 */
/** An object's content, with the tag that changes whenever it does. */
export interface StoredObject {
  bytes: Uint8Array<ArrayBuffer>;
  tag: string;
}

/**
 * Where uploaded models are kept: objects by key, whatever keeps them. Keys are
 * segments joined by `/` (`isObjectKey`). All methods throw when the store cannot be
 * reached or is full; then the object is what it was before, whole.
 */
export interface ObjectStore {
  /** The object as it is now, or null if there is none. */
  get(key: string): Promise<StoredObject | null>;
  /**
   * Writes an object at once: readers see the old one or the new one, whole.
   *
   * @param onlyIf write only if the object's tag is this one, or, with null, if there
   * is no object; by default whatever is there. Atomic: of two at once, one wins.
   * @returns false if the condition did not hold, and nothing was written
   */
  put(
    key: string,
    bytes: Uint8Array,
    onlyIf?: string | null,
  ): Promise<boolean>;
  /** All objects whose keys begin with `prefix`, which ends in `/`; bytes by key. */
  list(prefix: string): Promise<Map<string, number>>;
  /** Removes the object, if it is there. */
  delete(key: string): Promise<void>;
}

/** Whether a text can be a key: safe as a path, in a URL and in XML as it stands. */
export function isObjectKey(key: string): boolean {
  return key.length <= 500 &&
    key.split("/").every((segment) => /^[A-Za-z0-9_][\w.-]*$/.test(segment));
}

/** @throws {RangeError} if the text cannot be a key */
export function checkObjectKey(key: string): void {
  if (!isObjectKey(key)) {
    throw new RangeError(
      `Cannot use key ${JSON.stringify(key.slice(0, 80))}: expected ` +
        "letters, digits, _, . and - in segments joined by /",
    );
  }
}
