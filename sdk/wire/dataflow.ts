/**
 * Which rounds of a plan read what others write. Names of activations may be written
 * again: what is read is what was written last.
 *
 * @module
 */
import type { InferencePlan } from "./plan.ts";

/**
 * For each round, for each input of its layout, the round that writes what it reads; -1
 * for the reading. One pass: a plan has up to 2^10 rounds of hundreds of inputs.
 */
export function writersOf({ rounds }: InferencePlan): number[][] {
  const last = new Map<string, number>();
  return rounds.map(({ layout, writes }, round) => {
    const writers = layout.inputs.map(({ tensor }) => last.get(tensor) ?? -1);
    last.set(writes, round);
    return writers;
  });
}

/** For each round the last one that reads what it writes; -1 where none does. */
export function lastReadersOf(plan: InferencePlan): number[] {
  const readers = plan.rounds.map(() => -1);
  for (const [reader, writers] of writersOf(plan).entries()) {
    for (const writer of writers) if (writer >= 0) readers[writer] = reader;
  }
  return readers;
}
