/**
 * Multiplies table entries into the accumulators of a round's sums.
 *
 * @module
 */
import type { Strategy } from "../../../models/planner/strategy.ts";
import type { Accumulators } from "./accumulators.ts";
import {
  groupInputs,
  groupOutputs,
  inputGroups,
  jointDigits,
  type WeightDigits,
  weightDigits,
} from "./digits.ts";
import type { LinearMap, LinearTerm } from "./linear_layer.ts";
import type { ProductProgram } from "../arithmetic/product_program.ts";
import type { JointTable } from "./table.ts";

/** The digits of every term: all that the weights say. */
export type MapDigits = WeightDigits[];

/** The digits of a whole map, once for each model and strategy. */
export function mapDigits(map: LinearMap, strategy: Strategy): MapDigits {
  return map.terms.map((term) => weightDigits(term, strategy));
}

/** What one call multiplies, and where to. */
export interface AccumulateCall {
  map: LinearMap;
  strategy: Strategy;
  digits: MapDigits;
  /** Order of the columns of weights, null for the model's own (`jointDigits`). */
  columns: Int32Array | null;
  /** Operand i is in register operands + i, its inverse in inverses + i. */
  operands: number;
  inverses: number;
  /** For each sum its target, or -1 where it is not asked for. */
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
 * each row of look-ups.
 */
export function* accumulate(
  program: ProductProgram,
  call: AccumulateCall,
): Generator<void, void> {
  const { map, strategy, table, accumulators } = call;
  for (const [t, term] of map.terms.entries()) {
    const groups = inputGroups(term, strategy.groupSize);
    for (let group = 0; group < groups; group++) {
      const digits = jointDigits(call.digits[t], {
        term,
        strategy,
        group,
        order: call.columns,
      });
      const [from, to] = groupInputs(term, strategy.groupSize, group);
      for (let position = 0; position < term.positions; position++) {
        const registers: number[] = [], inverses: number[] = [];
        for (let input = from; input < to; input++) {
          const operand = term.firstOperand + input * term.positions + position;
          registers.push(call.operands + operand);
          inverses.push(call.inverses + operand);
        }
        const rows = rowsOf(term, strategy, group, position);
        if (table) {
          call.onPhase("tables");
          table.clear();
          for (const row of rows) {
            lookUp(call, digits, row, (joint) => table.want(joint));
          }
          table.close();
          table.build(program, registers, inverses);
        }
        call.onPhase("products");
        for (const row of rows) {
          lookUp(call, digits, row, (joint, target) => {
            const register = table ? table.register(joint) : registers[0];
            accumulators.multiply(program, target, row.plane, joint, register);
          });
          yield;
        }
      }
    }
  }
}

/** The digits of one plane and tap: at `start`, one for each output channel from `from` on. */
interface Row {
  start: number;
  plane: number;
  sum: number;
  from: number;
  outputs: number;
}

/** Where the digits of an input group count at one position. */
function rowsOf(
  term: LinearTerm,
  strategy: Strategy,
  group: number,
  position: number,
): Row[] {
  const [from, to] = groupOutputs(term, strategy.groupSize, group);
  const outputs = to - from;
  return term.uses[position].flatMap(({ tap, sum }) =>
    Array.from({ length: strategy.planes }, (_, plane) => ({
      start: (plane * term.taps + tap) * outputs,
      plane,
      sum,
      from,
      outputs,
    }))
  );
}

/** Visits the look-ups of a row: digits that are not 0, for targets that are asked for. */
function lookUp(
  { map: { phases, fold }, targets }: AccumulateCall,
  digits: Int16Array,
  { start, sum, from, outputs }: Row,
  visit: (joint: number, target: number) => void,
): void {
  for (let output = 0; output < outputs; output++) {
    const joint = digits[start + output];
    if (joint === 0) continue;
    const target = targets[(from + output) * phases * fold + sum];
    if (target >= 0) visit(joint, target);
  }
}
