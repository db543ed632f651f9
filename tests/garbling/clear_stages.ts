/**
 * Works through stages with labels from a seeded source, in one process, and reads the
 * result in the clear.
 *
 * @module
 */
import { Circuit } from "../../sdk/garbling/circuit.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import { garbleStages, StageEvaluator } from "../../sdk/garbling/rounds/run.ts";
import type { Stage } from "../../sdk/garbling/rounds/stage.ts";
import { bitsOf, seededWords } from "./run_circuit.ts";

/** Tells every element of `bits` bits as it is. */
export function tellStage(count: number, bits: number): Stage {
  const circuit = new Circuit();
  circuit.output(...circuit.word(bits));
  const all = Int32Array.from({ length: count }, (_, i) => i);
  return {
    operandBits: bits,
    parts: [{
      circuit,
      lanes: count,
      operands: [all],
      results: [],
      known: null,
    }],
    elements: null,
  };
}

/** Gives integers to the first stage's elements, bit by bit, as choices. */
export function feedStage(count: number, bits: number): Stage {
  const circuit = new Circuit();
  circuit.output(...circuit.word(bits));
  const all = Int32Array.from({ length: count }, (_, i) => i);
  return {
    operandBits: 1,
    parts: [{
      circuit,
      lanes: count,
      operands: Array.from(
        { length: bits },
        (_, bit) => all.map((i) => i + bit * count),
      ),
      results: [all],
      known: null,
    }],
    elements: { count, bits },
  };
}

/** Integers, in `bits` bits of two's complement, after the stages. */
export async function runStages(
  stages: readonly Stage[],
  integers: readonly number[],
  bits: number,
  results: { count: number; bits: number },
): Promise<number[]> {
  const all = [
    feedStage(integers.length, bits),
    ...stages,
    tellStage(results.count, results.bits),
  ];
  const next = seededWords(3),
    four = () => Uint32Array.from({ length: 4 }, next);
  const delta = four(), salt = four();
  delta[0] |= 1;
  const clear = bitsOf(integers, bits).flatMap((lanes) => [...lanes]);
  const zero = new Labels(1, clear.length),
    active = new Labels(1, clear.length);
  clear.forEach((bit, i) => {
    const label = four();
    zero.set(0, i, label);
    active.set(0, i, bit ? label.map((w, k) => w ^ delta[k]) : label);
  });
  const kernel = makeKernel();
  const evaluator = new StageEvaluator(makeKernel(), all, {
    choices: active,
    salt,
  });
  const garbled = garbleStages(kernel, all, {
    choices: zero,
    secrets: { delta, salt },
    knowledgeOf: () => ({ bits: [], values: [] }),
  });
  for (const chunk of garbled) await evaluator.push(chunk);
  const [{ bits: told }] = evaluator.finish();
  return Array.from({ length: results.count }, (_, lane) =>
    told.reduce(
      (sum, wire, bit) =>
        sum + wire[lane] * (bit === results.bits - 1 ? -1 : 1) * 2 ** bit,
      0,
    ));
}
