/**
 * Ranges of lanes that other threads garble: what goes there and comes back is plain
 * data, and the bytes are those of the calling thread's.
 *
 * @module
 */
import { concat } from "../support/bytes.ts";
import { garble, type Garbled, type GarblerLanes } from "./garble.ts";
import type { GateKernel } from "./gate_kernel.ts";
import { Labels } from "./labels.ts";
import type { Schedule } from "./schedule.ts";

/** Lanes of a circuit, on their way to a thread. */
export interface GarblingJob {
  circuit: Schedule;
  lanes: GarblerLanes;
}

/** Threads that garble, beside the calling one. */
export interface GarblingThreads {
  /** Threads that are ready; below 2 they are not asked. */
  readonly threads: number;
  /** Null where they failed: the calling thread does it then. */
  run(job: GarblingJob): Promise<Garbled | null>;
}

/** Labels that have passed between threads. */
const asLabels = ({ wires, lanes, words }: Labels): Labels =>
  new Labels(wires, lanes, words);

/** A job as it is sent: what the garbler knows lies bit after bit, lane after lane. */
export interface SentJob {
  circuit: Schedule;
  lanes: Omit<GarblerLanes, "knowledge">;
  bits: Uint8Array;
  values: readonly Uint32Array[];
}

/** A copy that can be given away, with its large buffers: the job itself stays whole. */
export function sendable({ circuit, lanes }: GarblingJob): {
  job: SentJob;
  buffers: ArrayBuffer[];
} {
  const { inputs, knowledge, secrets, origin } = lanes;
  const words = inputs.words.slice(), bits = concat(...knowledge.bits);
  return {
    job: {
      circuit,
      lanes: {
        inputs: new Labels(inputs.wires, inputs.lanes, words),
        secrets,
        origin,
      },
      bits,
      values: knowledge.values,
    },
    buffers: [words.buffer, bits.buffer as ArrayBuffer],
  };
}

/** A thread's side. */
export function garbleJob(
  kernel: GateKernel,
  { circuit, lanes, bits, values }: SentJob,
): Garbled {
  const inputs = asLabels(lanes.inputs), count = inputs.lanes;
  const knowledge = {
    bits: Array.from(
      { length: circuit.knownBits },
      (_, k) => bits.subarray(count * k, count * (k + 1)),
    ),
    values,
  };
  return garble(kernel, circuit, { ...lanes, inputs, knowledge });
}

/** What a thread answered. */
export const received = (garbled: Garbled): Garbled => ({
  ...garbled,
  outputs: asLabels(garbled.outputs),
});
