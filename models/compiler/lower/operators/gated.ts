/**
 * LSTM and GRU: one round a step of time for all directions, gates at the gateway. A
 * first round projects the readings of all steps, and each step's multiplies the states
 * before it.
 *
 * @module
 */
import type { Convolution, GatewayOperation } from "../../ir.ts";
import { transposedFrom } from "../../../../sdk/activations/transpose.ts";
import { numberAttribute } from "../../onnx/graph.ts";
import { shiftElements } from "../integers.ts";
import {
  constantInput,
  layerResult,
  linearResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { addValues, type LinearValue } from "../values.ts";
import { type Cell, gru, keep, lstm, plus, take } from "./gates.ts";
import {
  type Direction,
  directionsOf,
  recurrentRules,
  refuse,
  type Sequence,
  sequenceOf,
  startOf,
  statesAsOutputs,
  times,
} from "./recurrent.ts";
import { selection } from "./selection.ts";

/** A layer on its sequence. */
interface Layer {
  call: OperatorCall;
  cell: Cell;
  sequence: Sequence;
  directions: Direction[];
  hidden: number;
  /** The projected readings: [step, direction, row]. */
  readings: string;
  /** Rows of them for each direction. */
  rows: number;
}

/** What a step leaves of a direction. */
interface State {
  /** As the next step's round reads it. */
  value: LinearValue | null;
  /** As the gateway has it, in more bits. */
  name: string | null;
  cell: string | null;
}

const layer = (cell: Cell): OperatorRule => (call) => {
  checkVariant(call);
  const sequence = sequenceOf(call);
  const directions = directionsOf(call, sequence, cell);
  const hidden = directions[0].inputBias.length / cell.gates;
  const rows = (cell.gates + Number(cell.ownBias)) * hidden;
  const readings = call.rounds.newName();
  const of: Layer = {
    call,
    cell,
    sequence,
    directions,
    hidden,
    readings,
    rows,
  };
  const first = projections(of);
  const projecting: GatewayOperation[] = [
    {
      op: "transpose",
      shape: [directions.length * rows, sequence.steps],
      order: [1, 0],
    },
    keep(readings),
  ];
  let states = directions.map((_, d) => initialState(call, d, hidden));
  const values = directions.map(() => Array<LinearValue>(sequence.steps));
  // Without states before it, the first step needs no round of its own.
  const isJoined = states.every(({ value }) => value === null);
  if (!isJoined) write(of, first, projecting, "readings");
  for (let step = 0; step < sequence.steps; step++) {
    const isFirst = step === 0 && isJoined;
    const sums = call.rounds.newName();
    const source = isFirst ? first : stateProducts(of, states);
    const { operations, after } = stepOperations(of, {
      step,
      states,
      sums: isFirst ? null : sums,
    });
    const before = isFirst ? projecting : [keep(sums)];
    write(of, source, [...before, ...operations], `step ${step}`);
    states = after;
    directions.forEach(({ reversed }, d) => {
      const t = reversed ? sequence.steps - 1 - step : step;
      values[d][t] = after[d].value!;
    });
  }
  const outputs = statesAsOutputs(call, sequence, values, directions);
  const cells = states.map(({ cell }) => cell);
  const all = cells.every((cell) => cell !== null)
    ? [...outputs, cellsOf(of, cells, outputs[1].shape)]
    : outputs;
  return all.slice(0, call.node.outputs.length);
};

function checkVariant(call: OperatorCall): void {
  const { node } = call;
  if (
    node.operator === "GRU" &&
    numberAttribute(node, "linear_before_reset", 0) !== 1
  ) {
    refuse("its reset gate stands before the product (linear_before_reset 0)");
  }
  if (numberAttribute(node, "input_forget", 0) !== 0) {
    refuse("its input and forget gates are one");
  }
  const peepholes = node.operator === "LSTM" ? constantInput(call, 7) : null;
  if (peepholes?.data.some((weight) => weight !== 0)) {
    refuse("it has peepholes");
  }
}

/** The states before the first step, as far as they are not 0. */
function initialState(call: OperatorCall, d: number, hidden: number): State {
  const part = (index: number): LinearValue | null => {
    const input = call.inputs[index] ?? null;
    const found = input && startOf(call, input, d * hidden, hidden);
    if (found?.terms.length !== 0) return found;
    refuse("its initial state is a constant other than 0");
  };
  const value = part(5);
  const cell = call.node.operator === "LSTM" ? part(6) : null;
  const nameOf = (state: LinearValue | null) =>
    state && call.rounds.nameOfLinear(state, `${call.node.name} initial`);
  return { value, name: nameOf(value), cell: nameOf(cell) };
}

/** Readings of all steps times all weights, [direction, row][step]. */
function projections(
  { call, cell, sequence, directions, hidden, rows }: Layer,
): LinearValue {
  const { value, steps, features } = sequence;
  const gates = cell.gates * hidden, last = gates - hidden;
  const weights = new Float64Array(directions.length * rows * features);
  const bias = new Float64Array(directions.length * rows);
  directions.forEach(({ inputWeights, inputBias, stateBias }, d) => {
    weights.set(inputWeights, d * rows * features);
    for (let row = 0; row < gates; row++) {
      const isOwn = cell.ownBias && row >= last;
      bias[d * rows + row] = inputBias[row] + (isOwn ? 0 : stateBias[row]);
    }
    if (cell.ownBias) bias.set(stateBias.subarray(last), d * rows + gates);
  });
  const index = transposedFrom([steps, features], [1, 0]);
  const turned = linearResult(call, value, [selection(value.shape, index)], [
    1,
    features,
    steps,
  ]);
  const count = directions.length * rows;
  const map: Convolution = {
    kind: "convolution",
    input: [features, 1, steps],
    output: [count, 1, steps],
    kernel: [1, 1],
    stride: [1, 1],
    dilation: [1, 1],
    pads: [0, 0, 0, 0],
    groups: 1,
    weights,
  };
  return shiftElements(
    layerResult(call, turned, map, [1, count, steps]),
    (i) => bias[Math.floor(i / steps)],
  );
}

/** What the states before a step come to, direction after direction. */
function stateProducts(
  { call, cell, directions, hidden }: Layer,
  states: State[],
): LinearValue {
  const gates = cell.gates * hidden, count = directions.length * gates;
  const products = states.flatMap(({ value }, d) => {
    if (!value) return [];
    const weights = new Float64Array(count * hidden);
    weights.set(directions[d].stateWeights, d * gates * hidden);
    return [times(call, value, weights, count)];
  });
  const sum = products.reduce(addValues);
  if (!cell.ownBias) return sum;
  return shiftElements(sum, (i) => {
    const row = i % gates;
    const { stateBias } = directions[Math.floor(i / gates)];
    return row >= gates - hidden ? stateBias[row] : 0;
  });
}

/** The gateway's operations at a step, direction after direction. */
function stepOperations(
  { call, cell, sequence, directions, hidden, readings, rows }: Layer,
  { step, states, sums }: {
    step: number;
    states: State[];
    /** What the states come to; null where they are 0. */
    sums: string | null;
  },
): { operations: GatewayOperation[]; after: State[] } {
  const newName = () => call.rounds.newName();
  const gates = cell.gates * hidden;
  const operations: GatewayOperation[] = [];
  const after = directions.map(({ reversed, activations }, d): State => {
    const t = reversed ? sequence.steps - 1 - step : step;
    const start = (t * directions.length + d) * rows;
    const own = sums === null ? null : { name: sums, start: d * gates };
    const summed = newName(), name = newName(), written = newName();
    operations.push(take({ name: readings, start }, gates));
    if (own) {
      const read = newName();
      operations.push(keep(read), take(own, gates), plus(read, gates));
    }
    const next = cell.step({
      sums: summed,
      states: own,
      readings: { name: readings, start },
      before: { state: states[d].name, cell: states[d].cell },
      hidden,
      activations,
      newName,
    });
    operations.push(
      keep(summed),
      ...next.operations,
      keep(name),
      keep(written),
    );
    const value = call.rounds.activation(written, [1, hidden]);
    return { value, name, cell: next.cell };
  });
  return { operations, after };
}

/** Adds a round of which nothing is read but what it keeps. */
function write(
  { call, hidden }: Layer,
  source: LinearValue,
  operations: GatewayOperation[],
  what: string,
): void {
  call.rounds.nameOf({
    kind: "gateway",
    shape: [1, hidden],
    source: { ...source, node: `${call.node.name} ${what}` },
    operations,
    activation: null,
    node: call.node.name,
  });
}

/** The last cells of all directions. */
function cellsOf(
  { call, hidden }: Layer,
  cells: string[],
  shape: number[],
): LinearValue {
  const length = cells.length * hidden;
  return cells.map((cell, d) => {
    const index = Int32Array.from(
      { length },
      (_, i) => Math.floor(i / hidden) === d ? i % hidden : -1,
    );
    const value = call.rounds.activation(cell, [1, hidden]);
    return linearResult(call, value, [selection([hidden], index)], shape);
  }).reduce(addValues);
}

/** Layers with gates and without. */
export const layerRules: Record<string, OperatorRule> = {
  ...recurrentRules,
  LSTM: layer(lstm),
  GRU: layer(gru),
};
