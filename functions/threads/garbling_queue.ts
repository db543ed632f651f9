/**
 * Lanes of garbled calls on one thread: whose caller has had the least comes first, and
 * what is garbled counts for its caller as calls do.
 *
 * @module
 */
import type { Garbled } from "../../sdk/garbling/garble.ts";
import type { GateKernel } from "../../sdk/garbling/gate_kernel.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import {
  garbleJob,
  type SentJob,
} from "../../sdk/garbling/garbling_threads.ts";
import type { Gate } from "../admission/gate.ts";
import { letEventsIn, runPaced, type Share } from "../rounds/privacy/paced.ts";

interface Waiting {
  job: SentJob;
  caller: Share;
  end: (result: Garbled | null) => void;
}

export class GarblingQueue {
  readonly #gate: Gate;
  readonly #waiting = new Set<Waiting>();
  #gates: GateKernel | undefined;
  #isServing = false;

  /** @param gate that knows the callers of the thread's calls */
  constructor(gate: Gate) {
    this.#gate = gate;
  }

  /** Null where lanes cannot be garbled: whoever asked does it then. */
  async garble(
    job: SentJob,
    caller: string,
  ): Promise<Garbled | null> {
    const reception = this.#gate.receive({ caller, startsSession: false });
    const { promise, resolve } = Promise.withResolvers<Garbled | null>();
    this.#waiting.add({ job, caller: reception.caller, end: resolve });
    if (!this.#isServing) void this.#serve();
    try {
      return await promise;
    } finally {
      reception.leave();
    }
  }

  async #serve(): Promise<void> {
    this.#isServing = true;
    while (this.#waiting.size > 0) {
      // What others have asked for meanwhile comes in.
      await letEventsIn();
      const next = [...this.#waiting].reduce((a, b) =>
        b.caller.usedMs < a.caller.usedMs ? b : a
      );
      this.#waiting.delete(next);
      next.end(await this.#work(next).catch(() => null));
    }
    this.#isServing = false;
  }

  #work({ job, caller }: Waiting): Promise<Garbled> {
    const gates = this.#gates ??= makeKernel();
    // deno-lint-ignore require-yield
    const steps = function* (): Generator<void, Garbled> {
      return garbleJob(gates, job);
    };
    return runPaced(steps(), { task: { usedMs: 0, caller } });
  }
}
