/**
 * Digits of a round's weights, grouped by the inputs that share a table.
 *
 * @module
 */
import {
  balancedDigits,
  type Strategy,
} from "../../../models/planner/strategy.ts";
import type { LinearTerm } from "./linear_layer.ts";

/** Number of input groups of a term, over all of its convolution groups. */
export function inputGroups(term: LinearTerm, groupSize: number): number {
  return term.groups * Math.ceil(term.inputsPerGroup / groupSize);
}

/** Inputs [from, to) (over all convolution groups) that input group `group` joins. */
export function groupInputs(
  term: LinearTerm,
  groupSize: number,
  group: number,
): [from: number, to: number] {
  const perGroup = Math.ceil(term.inputsPerGroup / groupSize);
  const start = Math.floor(group / perGroup) * term.inputsPerGroup;
  const from = start + group % perGroup * groupSize;
  return [from, Math.min(from + groupSize, start + term.inputsPerGroup)];
}

/** Output channels [from, to) that input group `group` counts for. */
export function groupOutputs(
  term: LinearTerm,
  groupSize: number,
  group: number,
): [from: number, to: number] {
  const perGroup = Math.ceil(term.inputsPerGroup / groupSize);
  const outputs = term.channels / term.groups;
  const from = Math.floor(group / perGroup) * outputs;
  return [from, from + outputs];
}

/**
 * The digits of a term's weights, from which the numbers J of any group of inputs
 * are added up, [planes][columns][outputs of a convolution group]: column
 * input*taps + tap, inputs counted over all convolution groups.
 */
export interface WeightDigits {
  columns: number;
  outputs: number;
  digits: Int8Array | Int16Array;
}

export function weightDigits(
  term: LinearTerm,
  strategy: Strategy,
): WeightDigits {
  const { planes, halfRange } = strategy;
  const digitsOf = new Map<number, number[]>();
  const outputs = term.channels / term.groups;
  const rowLength = term.weights.length / term.channels;
  const columns = term.groups * rowLength;
  const length = planes * columns * outputs;
  const digits = halfRange < 128
    ? new Int8Array(length)
    : new Int16Array(length);
  for (let channel = 0, at = 0; channel < term.channels; channel++) {
    const first = Math.floor(channel / outputs) * rowLength;
    const output = channel % outputs;
    for (let column = 0; column < rowLength; column++, at++) {
      const weight = term.weights[at];
      if (weight === 0) continue;
      let expressed = digitsOf.get(weight);
      if (!expressed) {
        expressed = balancedDigits(weight, strategy);
        digitsOf.set(weight, expressed);
      }
      for (let plane = 0; plane < planes; plane++) {
        digits[(plane * columns + first + column) * outputs + output] =
          expressed[plane];
      }
    }
  }
  return { columns, outputs, digits };
}

/**
 * The numbers J of one input group, row-major [planes][taps][outputs of the group].
 *
 * @param options.order column `order[c]` of the weights stands where column c would; null
 * for their own order
 */
export function jointDigits(
  { columns, outputs, digits }: WeightDigits,
  { term, strategy, group, order }: {
    term: LinearTerm;
    strategy: Strategy;
    group: number;
    order: Int32Array | null;
  },
): Int16Array {
  const { planes, halfRange, groupSize } = strategy;
  const [from, to] = groupInputs(term, groupSize, group);
  const joint = new Int16Array(planes * term.taps * outputs);
  for (let input = from, place = 1; input < to; input++) {
    for (let tap = 0; tap < term.taps; tap++) {
      const column = input * term.taps + tap;
      if (column >= columns) break;
      const source = order ? order[column] : column;
      for (let plane = 0; plane < planes; plane++) {
        const start = (plane * columns + source) * outputs;
        const row = (plane * term.taps + tap) * outputs;
        for (let output = 0; output < outputs; output++) {
          joint[row + output] += place * digits[start + output];
        }
      }
    }
    place *= 2 * halfRange + 1;
  }
  return joint;
}
