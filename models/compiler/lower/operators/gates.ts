/**
 * What the gateway does in one direction of an LSTM or a GRU at one step of time.
 *
 * @module
 */
import type { GatewayOperation } from "../../ir.ts";

/** Part of an activation: so many numbers from `start` on. */
export interface Part {
  name: string;
  start: number;
}

/** What the gateway has at a step. */
export interface Gates {
  /** What readings and states come to together, gate after gate. */
  sums: string;
  /** What the states alone come to, gate after gate; null where all are 0. */
  states: Part | null;
  /** What the readings alone come to; then the rows of `ownBias`. */
  readings: Part;
  /** The state and the cell before; null where they are 0. */
  before: { state: string | null; cell: string | null };
  hidden: number;
  activations: GatewayOperation[];
  newName: () => string;
}

/** A kind of layer. */
export interface Cell {
  gates: number;
  /** Activations that it has where the model names none. */
  defaults: string[];
  /** Whether its last gate meets the states' bias apart from the readings'. */
  ownBias: boolean;
  /** Operations that end in the new state; the name of the new cell, if it has one. */
  step(gates: Gates): { operations: GatewayOperation[]; cell: string | null };
}

export const keep = (as: string): GatewayOperation => ({ op: "keep", as });

/** So many numbers of an activation in the values' place. */
export function take(
  { name, start }: Part,
  length: number,
): GatewayOperation {
  return { op: "take", from: name, start, shape: [length] };
}

/** The values times another activation. */
function times(name: string, length: number): GatewayOperation {
  const shapes = { with: name, shape: [length], withShape: [length] };
  return { op: "combine", by: "product", ...shapes };
}

/** The values x and another activation's y: x * factors[0] + y * factors[1]. */
export function plus(
  name: string,
  length: number,
  factors: [x: number, y: number] = [1, 1],
): GatewayOperation {
  const shapes = { with: name, shape: [length], withShape: [length] };
  return { op: "combine", by: "sum", factors, ...shapes };
}

/** Gates in the order input, output, forget, cell. */
export const lstm: Cell = {
  gates: 4,
  defaults: ["Sigmoid", "Tanh", "Tanh"],
  ownBias: false,
  step({ sums, before, hidden, activations: [gate, inner, outer], newName }) {
    const [candidate, kept, cell, shown] = Array.from({ length: 4 }, newName);
    const of = (index: number) =>
      take({ name: sums, start: index * hidden }, hidden);
    const forget = before.cell === null
      ? []
      : [of(2), gate, times(before.cell, hidden), keep(kept)];
    const add = before.cell === null ? [] : [plus(kept, hidden)];
    return {
      cell,
      operations: [
        ...forget,
        ...[of(3), inner, keep(candidate)],
        ...[of(0), gate, times(candidate, hidden), ...add, keep(cell)],
        ...[outer, keep(shown), of(1), gate, times(shown, hidden)],
      ],
    };
  },
};

/** Gates in the order update, reset, hidden; the reset gate behind the product. */
export const gru: Cell = {
  gates: 3,
  defaults: ["Sigmoid", "Tanh"],
  ownBias: true,
  step({ sums, states, readings, before, hidden, activations, newName }) {
    const [gate, inner] = activations;
    const [update, own, reset, candidate] = Array.from(
      { length: 4 },
      newName,
    );
    const of = (index: number) =>
      take({ name: sums, start: index * hidden }, hidden);
    const shift = ({ name, start }: Part, gates: number): Part => ({
      name,
      start: start + gates * hidden,
    });
    // Where states are 0, their bias is left.
    const ownStates = states ? shift(states, 2) : shift(readings, 3);
    const mix = before.state === null
      // n - z n
      ? [times(update, hidden), plus(candidate, hidden, [-1, 1])]
      // n + z (h - n)
      : [
        take({ name: before.state, start: 0 }, hidden),
        plus(candidate, hidden, [1, -1]),
        times(update, hidden),
        plus(candidate, hidden),
      ];
    return {
      cell: null,
      operations: [
        ...[of(0), gate, keep(update)],
        ...[take(ownStates, hidden), keep(own)],
        ...[of(1), gate, times(own, hidden), keep(reset)],
        take(shift(readings, 2), hidden),
        ...[plus(reset, hidden), inner, keep(candidate)],
        ...mix,
      ],
    };
  },
};
