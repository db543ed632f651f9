/**
 * Names that a misspelt one may stand for.
 *
 * @module
 */

/** The name that takes the fewest changes of a character; undefined of no names. */
export function nearestName(
  name: string,
  names: readonly string[],
): string | undefined {
  const distances = names.map((other) => editDistance(name, other));
  return names[distances.indexOf(Math.min(...distances))];
}

/** `; did you mean "occupancy"?`, where a name is near enough; else "". */
export function suggestion(name: string, names: readonly string[]): string {
  const nearest = nearestName(name, names);
  const isNear = nearest !== undefined &&
    editDistance(name, nearest) <= Math.max(1, nearest.length / 3);
  return isNear ? `; did you mean "${nearest}"?` : "";
}

/** Characters to insert, delete or replace to get from one text to the other. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i);
  for (let i = 0; i < from.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j++) {
      next.push(Math.min(
        next[j] + 1,
        row[j + 1] + 1,
        row[j] + (from[i] === to[j] ? 0 : 1),
      ));
    }
    row = next;
  }
  return row[to.length];
}
