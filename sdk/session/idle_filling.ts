/**
 * Computes randomness for the next inference while a session is idle.
 *
 * @module
 */
import { inputCiphertexts } from "../fixed_point/layout.ts";
import type { PaillierEngine } from "../paillier/private/paillier_engine.ts";
import { sum } from "../support/numbers.ts";
import type { InferencePlan } from "../wire/plan.ts";

/** Computes the randomness of one inference ahead while a session is idle. */
export class IdleFilling {
  readonly #owner: PaillierEngine;
  #stop = new AbortController();
  #done: Promise<void> = Promise.resolve();

  constructor(owner: PaillierEngine) {
    this.#owner = owner;
  }

  /** Resolves when it has been computed, or was interrupted. */
  get done(): Promise<void> {
    return this.#done;
  }

  /** Begins, unless {@linkcode stop} comes first. */
  start({ rounds }: InferencePlan): void {
    const stop = new AbortController();
    const count = sum(rounds.map(({ layout }) => inputCiphertexts(layout)));
    this.#stop = stop;
    // In a separate task: the caller gets its answer before a slice of this work.
    this.#done = new Promise<void>((resolve) => setTimeout(resolve, 0))
      .then(() => this.#owner.fillPool(count, { signal: stop.signal }))
      // Interrupted, or out of memory: then encryption computes what it needs.
      .catch(() => {});
  }

  /** Interrupts it, as an inference does; resolves when nothing runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}
