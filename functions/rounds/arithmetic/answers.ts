/**
 * The answers of a round as evaluation hands them to the protections.
 *
 * @module
 */

/** Answers [from, to) of a round. */
export interface AnswerRange {
  from: number;
  to: number;
}

/** (a, b) for a + b*N, both in [0, N). */
export type PackedAnswer = readonly [a: bigint, b: bigint];
