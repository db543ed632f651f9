/**
 * What one inference costs, as `measure_costs.ts` measures it.
 *
 * @module
 */

export interface RoundCosts {
  /** Calls that the round is split into. */
  shards: number;
  /** Processor time of one of them at the functions, everything included. */
  callMs: number;
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
  /** Tables of re-randomisation for a key that the instance does not hold. */
  bankMs: number;
  bankBytes: number;
  /** From the start of a process until it answers. */
  processMs: number;
  /** First use of the model by a process: read, guard, compile. */
  modelMs: number;
  /** Database writes that an inference waits for (single-use tokens). */
  writes: number;
}

/** Processor time of an inference at instances that hold all they need. */
export function warmCpuMs({ rounds }: Costs): number {
  return rounds.reduce((sum, { shards, callMs }) => sum + shards * callMs, 0);
}
