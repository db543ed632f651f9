/**
 * What one inference costs, as `measure_costs.ts` measures it.
 *
 * @module
 */

export interface RoundCosts {
  /** Calls that the round is split into. */
  shards: number;
  /** Processor time of one of them at functions that hold the key's tables. */
  callMs: number;
  /** Ciphertexts that all its calls together answer. */
  answers: number;
  /** Of all its calls together. */
  bytesUp: number;
  bytesDown: number;
  /** At the gateway. */
  encryptMs: number;
  decryptMs: number;
}

export interface Costs {
  model: string;
  keyBits: number;
  /** Machine and moment, for people. */
  measured: string;
  rounds: RoundCosts[];
  /** Session start: the key's proof and the plan. */
  sessionMs: number;
  /** What an answer takes beyond that without the key's tables. */
  directMs: number;
  /** Answers of a key that an instance gives without tables before it makes them. */
  firstAnswers: number;
  /** Keys without tables whose answers an instance counts. */
  keysCounted: number;
  /** Making the tables of a key. */
  bankMs: number;
  bankBytes: number;
  /** Start of a process, until it answers. */
  processMs: number;
  /** First use of the model by a process: read, guard, compile. */
  modelMs: number;
  /** Database writes that an inference waits for (single-use tokens). */
  writes: number;
}

/** Ciphertexts that an inference is answered with. */
export function answersOf({ rounds }: Costs): number {
  return rounds.reduce((sum, { answers }) => sum + answers, 0);
}

/** Processor time of an inference at instances that hold all they need. */
export function warmCpuMs({ rounds }: Costs): number {
  return rounds.reduce((sum, { shards, callMs }) => sum + shards * callMs, 0);
}
