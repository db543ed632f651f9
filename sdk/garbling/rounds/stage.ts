/**
 * What a garbled call works through: stages of circuits, and where each lane's operands
 * come from.
 *
 * @module
 */
import type { Circuit } from "../circuit.ts";
import { Labels } from "../labels.ts";

/** Numbers that all elements of a stage lie within. */
export interface Range {
  low: number;
  high: number;
}

/** One circuit in many lanes. Input wires are operand by operand, lowest bit first. */
export interface Part {
  circuit: Circuit;
  lanes: number;
  /** For each operand the element that each lane reads; -1: the public constant 0. */
  operands: readonly Int32Array[];
  /** For each result the element that each lane writes; -1: none. */
  results: readonly Int32Array[];
  /** What the garbler knows in this part; null: nothing. */
  known: Known | null;
}

/** What is known of a part: a mask on answers, or masks on elements that are handed on. */
export type Known = AnswerBits | ElementShares;

/** Known bit i of a lane is bit `from[lane]` + i of the mask of `answer[lane]`. */
export interface AnswerBits {
  kind: "answer";
  answer: Int32Array;
  from: Int32Array;
}

/** Each lane tells an element beside the parts of its mask. */
export interface ElementShares {
  kind: "shares";
  element: Int32Array;
}

/** Parts that read the same elements and may be worked through in any order. */
export interface Stage {
  /** Bits that are read of each operand. */
  operandBits: number;
  parts: readonly Part[];
  /** What the results make up; null: the outputs are revealed in the clear. */
  elements: { count: number; bits: number } | null;
}

/** Input labels of lanes [first, first + lanes) of a part. */
export function gather(
  { operands, circuit }: Part,
  operandBits: number,
  source: Labels,
  { first, lanes }: { first: number; lanes: number },
): Labels {
  const inputs = new Labels(circuit.inputs, lanes);
  const from = source.words, to = inputs.words;
  operands.forEach((elements, operand) => {
    for (let bit = 0; bit < operandBits; bit++) {
      const wire = operand * operandBits + bit;
      for (let lane = 0; lane < lanes; lane++) {
        const element = elements[first + lane];
        if (element < 0) continue;
        const a = source.at(bit, element), b = inputs.at(wire, lane);
        copyLabel(from, a, to, b);
      }
    }
  });
  return inputs;
}

/** A label's four words stand four apart, one in each vector of its lanes. */
function copyLabel(
  from: Uint32Array,
  a: number,
  to: Uint32Array,
  b: number,
): void {
  to[b] = from[a];
  to[b + 4] = from[a + 4];
  to[b + 8] = from[a + 8];
  to[b + 12] = from[a + 12];
}

/** Writes the outputs of lanes from `first` on to the elements that they make up. */
export function scatter(
  { results }: Part,
  outputs: Labels,
  target: Labels,
  first: number,
): void {
  const from = outputs.words, to = target.words, bits = target.wires;
  results.forEach((elements, result) => {
    for (let bit = 0; bit < bits; bit++) {
      const wire = result * bits + bit;
      for (let lane = 0; lane < outputs.lanes; lane++) {
        const element = elements[first + lane];
        if (element < 0) continue;
        const a = outputs.at(wire, lane), b = target.at(bit, element);
        copyLabel(from, a, to, b);
      }
    }
  });
}
