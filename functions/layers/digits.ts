import type { LinearTerm } from "./linear_map.ts";

/**
 * How weights become look-ups. A weight is written in `planes` balanced digits
 * -halfRange .. halfRange to the odd base 2*halfRange + 1; the digits of
 * `groupSize` inputs that share a tap and a plane form one number J, again in
 * balanced digits, and T[|J|] = product of inputs^digits is the table entry that
 * the output takes: into its numerator if J > 0, into its denominator if J < 0.
 *
 * With `buckets` there is no table: each output collects the inputs of equal
 * |digit| in a bucket of its own, and the buckets are raised to their digits last.
 */
export interface Strategy {
  planes: number;
  halfRange: number;
  groupSize: number;
  buckets: boolean;
}

/** Largest |J|: entries that a table may have. */
export function tableEntries(strategy: Strategy): number {
  return ((2 * strategy.halfRange + 1) ** strategy.groupSize - 1) / 2;
}

/** Largest |weight| that the strategy's digits express. */
export function expressible(planes: number, halfRange: number): number {
  return ((2 * halfRange + 1) ** planes - 1) / 2;
}

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
 * The numbers J of one input group, row-major [planes][taps][outputs of the group].
 */
export function jointDigits(
  term: LinearTerm,
  strategy: Strategy,
  group: number,
): Int16Array {
  const { planes, halfRange, groupSize } = strategy;
  const base = 2 * halfRange + 1;
  const [inputFrom, inputTo] = groupInputs(term, groupSize, group);
  const [outputFrom, outputTo] = groupOutputs(term, groupSize, group);
  const outputs = outputTo - outputFrom;
  const joint = new Int16Array(planes * term.taps * outputs);
  for (let output = 0; output < outputs; output++) {
    let place = 1;
    for (let input = inputFrom; input < inputTo; input++) {
      const row = (outputFrom + output) * term.inputsPerGroup +
        input % term.inputsPerGroup;
      for (let tap = 0; tap < term.taps; tap++) {
        let rest = term.weights[row * term.taps + tap];
        for (let plane = 0; rest !== 0; plane++) {
          const quotient = Math.round(rest / base);
          joint[(plane * term.taps + tap) * outputs + output] += place *
            (rest - quotient * base);
          rest = quotient;
        }
      }
      place *= base;
    }
  }
  return joint;
}
