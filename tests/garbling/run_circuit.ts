/**
 * Garbles and evaluates a circuit on clear bits, with labels from a seeded source.
 *
 * @module
 */
import type { Circuit } from "../../sdk/garbling/circuit.ts";
import { evaluate } from "../../sdk/garbling/evaluate.ts";
import { garble, type Knowledge } from "../../sdk/garbling/garble.ts";
import type { GateKernel } from "../../sdk/garbling/gate_kernel.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { colours, Labels } from "../../sdk/garbling/labels.ts";
import { scheduleOf } from "../../sdk/garbling/schedule.ts";

/** Words of a linear congruential generator: reproducible, not secret. */
export function seededWords(seed: number): () => number {
  let state = BigInt(seed);
  return () => {
    state = BigInt.asUintN(
      64,
      state * 6364136223846793005n + 1442695040888963407n,
    );
    return Number(state >> 32n);
  };
}

const kernel = makeKernel();

/** Clear outputs [wire][lane], what projections told, and what travelled. */
export function runCircuit(
  circuit: Circuit,
  /** [wire][lane] */
  bits: readonly Uint8Array[],
  lanes: number,
  { knowledge = { bits: [], values: [] }, seed = 1, kernels }: {
    knowledge?: Knowledge;
    seed?: number;
    kernels?: { garbler: GateKernel; evaluator: GateKernel };
  } = {},
) {
  const next = seededWords(seed);
  const four = () => Uint32Array.from({ length: 4 }, next);
  const delta = four(), salt = four();
  delta[0] |= 1;
  const inputs = new Labels(circuit.inputs, lanes);
  for (let i = 0; i < inputs.words.length; i++) inputs.words[i] = next();
  const active = new Labels(circuit.inputs, lanes, inputs.words.slice());
  bits.forEach((wireBits, wire) =>
    wireBits.forEach((bit, lane) => {
      const label = inputs.get(wire, lane);
      if (bit) active.set(wire, lane, label.map((w, i) => w ^ delta[i]));
    })
  );
  const origin = { firstGate: 7, firstLane: 12 };
  const secrets = { delta, salt };
  const garbled = garble(
    kernels?.garbler ?? kernel,
    scheduleOf(circuit, "garbler"),
    {
      inputs,
      knowledge,
      secrets,
      origin,
    },
  );
  const { outputs, values } = evaluate(
    kernels?.evaluator ?? kernel,
    scheduleOf(circuit, "evaluator"),
    { inputs: active, ...garbled, salt, origin },
  );
  const zero = colours(garbled.outputs);
  const clear = colours(outputs).map((bit, i) => bit ^ zero[i]);
  return { garbled, clear, values };
}

/** Bits of integers in two's complement, [bit][lane]. */
export const bitsOf = (integers: readonly number[], width: number) =>
  Array.from(
    { length: width },
    (_, bit) =>
      Uint8Array.from(
        integers,
        (x) => Math.abs(Math.floor(x / 2 ** bit) % 2),
      ),
  );

/** The reverse, of one word of `clear`. */
export function integersOf(
  clear: Uint8Array,
  width: number,
  lanes: number,
): number[] {
  return Array.from({ length: lanes }, (_, lane) => {
    let value = 0;
    for (let bit = 0; bit < width; bit++) {
      const weight = bit === width - 1 ? -(2 ** bit) : 2 ** bit;
      value += clear[bit * lanes + lane] * weight;
    }
    return value + 0;
  });
}
