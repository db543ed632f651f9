import type { Accumulators } from "./accumulators.ts";
import {
  groupInputs,
  groupOutputs,
  inputGroups,
  jointDigits,
  type Strategy,
} from "./digits.ts";
import type { LinearMap, LinearTerm } from "./linear_map.ts";
import type { ProductProgram } from "./product_program.ts";
import type { JointTable } from "./table.ts";

/** `jointDigits` of every input group of every term: all that the weights say. */
export type DigitPlan = Int16Array[][];

/** The digits of a whole map, once for each model and strategy. */
export function digitPlan(map: LinearMap, strategy: Strategy): DigitPlan {
  return map.terms.map((term) =>
    Array.from(
      { length: inputGroups(term, strategy.groupSize) },
      (_, group) => jointDigits(term, strategy, group),
    )
  );
}

/** What one call multiplies, and where to. */
export interface AccumulateCall {
  map: LinearMap;
  strategy: Strategy;
  digits: DigitPlan;
  /** Operand i is in register operands + i, its inverse in inverses + i. */
  operands: number;
  inverses: number;
  /** For each value its target, or -1 where it is not asked for. */
  targets: Int32Array;
  accumulators: Accumulators;
  /** Absent with buckets: operands are multiplied in as they are. */
  table: JointTable | null;
  /** Told before tables are built and before they are looked up. */
  onPhase(phase: "tables" | "products"): void;
}

/**
 * Streams over groups of operands: builds the group's table, multiplies its
 * entries into every target that has a digit for it, and forgets it. Yields after
 * each group.
 */
export function* accumulate(
  program: ProductProgram,
  call: AccumulateCall,
): Generator<void, void> {
  const { map, strategy, table } = call;
  for (const [t, term] of map.terms.entries()) {
    const groups = inputGroups(term, strategy.groupSize);
    for (let group = 0; group < groups; group++) {
      const [from, to] = groupInputs(term, strategy.groupSize, group);
      for (let position = 0; position < term.positions; position++) {
        const registers: number[] = [], inverses: number[] = [];
        for (let input = from; input < to; input++) {
          const operand = term.firstOperand + input * term.positions + position;
          registers.push(call.operands + operand);
          inverses.push(call.inverses + operand);
        }
        if (table) {
          call.onPhase("tables");
          table.clear();
          lookUp(call, t, group, position, (joint) => table.want(joint));
          table.close();
          table.build(program, registers, inverses);
        }
        call.onPhase("products");
        lookUp(call, t, group, position, (joint, target, plane) => {
          const register = table ? table.register(joint) : registers[0];
          call.accumulators.multiply(program, target, plane, joint, register);
        });
        yield;
      }
    }
  }
}

/** Visits every look-up of one input group at one position. */
function lookUp(
  call: AccumulateCall,
  t: number,
  group: number,
  position: number,
  visit: (joint: number, target: number, plane: number) => void,
): void {
  const { map: { terms, phases }, strategy, targets } = call;
  const term: LinearTerm = terms[t];
  const digits = call.digits[t][group];
  const [from, to] = groupOutputs(term, strategy.groupSize, group);
  const outputs = to - from;
  for (const { tap, phase } of term.uses[position]) {
    for (let plane = 0; plane < strategy.planes; plane++) {
      const row = (plane * term.taps + tap) * outputs;
      for (let output = 0; output < outputs; output++) {
        const joint = digits[row + output];
        if (joint === 0) continue;
        const target = targets[(from + output) * phases + phase];
        if (target >= 0) visit(joint, target, plane);
      }
    }
  }
}
