/**
 * Remembers a result for a while, so that many callers cost one look.
 *
 * @module
 */
/**
 * What `find` found or failed with, found anew once that is older than `lifetimeMs`;
 * callers meanwhile wait for the same.
 *
 * @param clock milliseconds of any start
 */
export function remember<T>(
  find: () => Promise<T>,
  lifetimeMs: number,
  clock: () => number = () => performance.now(),
): () => Promise<T> {
  let found: Promise<T> | undefined;
  let until = -Infinity;
  return () => {
    if (!found || clock() >= until) {
      until = Infinity;
      const now = found = find();
      const end = () => until = clock() + lifetimeMs;
      now.then(end, end);
    }
    return found;
  };
}
