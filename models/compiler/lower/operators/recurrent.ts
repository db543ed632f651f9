/**
 * Recurrent layers without gates, one round a step of time, and what those with gates
 * have in common with them.
 *
 * @module
 */
import type { GatewayOperation } from "../../ir.ts";
import { numberAttribute, stringAttribute } from "../../onnx/graph.ts";
import { sizeOf } from "../../onnx/tensor.ts";
import { shiftElements } from "../integers.ts";
import {
  constantInput,
  constantValue,
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  linearResult,
  type OperatorCall,
  type OperatorRule,
  reshaped,
} from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { addValues, type LinearValue, type Value } from "../values.ts";
import { selection } from "./selection.ts";

/** Steps of time at most: a round reads 64 activations at most. */
const maxSteps = 64;

const functions: Readonly<Record<string, GatewayOperation>> = {
  Relu: { op: "relu" },
  Tanh: { op: "function", name: "Tanh", apply: Math.tanh },
  Sigmoid: {
    op: "function",
    name: "Sigmoid",
    apply: (x) => 1 / (1 + Math.exp(-x)),
  },
};

/** Weights of one direction, [gates * hidden, ...] each. */
export interface Direction {
  reversed: boolean;
  activations: GatewayOperation[];
  inputWeights: Float64Array;
  stateWeights: Float64Array;
  inputBias: Float64Array;
  stateBias: Float64Array;
}

/** What a layer works through. */
export interface Sequence {
  value: DynamicValue;
  steps: number;
  features: number;
  /** Whether batches come before steps. */
  batchFirst: boolean;
}

/** The sequence that a layer works through. */
export function sequenceOf(call: OperatorCall): Sequence {
  const value = dynamicInput(call, 0);
  const batchFirst = numberAttribute(call.node, "layout", 0) === 1;
  const [steps, batch, features] = batchFirst
    ? [value.shape[1], value.shape[0], value.shape[2]]
    : value.shape;
  if (value.shape.length !== 3 || batch !== 1 || steps > maxSteps) {
    refuse(
      `it works on a tensor of shape [${value.shape}]; up to ${maxSteps} steps of a batch of 1 are known`,
    );
  }
  return { value, steps, features, batchFirst };
}

/** The outputs of a layer: all states, and the last of each direction. */
export function statesAsOutputs(
  call: OperatorCall,
  { steps, batchFirst }: Sequence,
  /** [direction][step], in the order of time. */
  states: DynamicValue[][],
  directions: Direction[],
): [all: Value, last: LinearValue] {
  const count = directions.length, hidden = sizeOf(states[0][0].shape);
  const block = count * hidden;
  const last = joined(
    call,
    states.map((list, d) => ({
      state: list[directions[d].reversed ? 0 : steps - 1],
      at: d * hidden,
    })),
    block,
  );
  // All of them are put together only where something reads them.
  const [name] = call.node.outputs;
  const isRead = name !== "" && call.consumers.has(name);
  const all = isRead
    ? joined(
      call,
      states.flatMap((list, d) =>
        list.map((state, t) => ({ state, at: t * block + d * hidden }))
      ),
      steps * block,
    )
    : constantValue({
      type: "float",
      shape: [],
      data: new Float64Array(steps * block),
    });
  return [
    reshaped(
      all,
      batchFirst ? [1, steps, count, hidden] : [steps, count, 1, hidden],
    ),
    { ...last, shape: batchFirst ? [1, count, hidden] : [count, 1, hidden] },
  ];
}

const rnn: OperatorRule = (call) => {
  const sequence = sequenceOf(call), { steps, features } = sequence;
  const directions = directionsOf(call, sequence, {
    gates: 1,
    defaults: ["Tanh"],
  });
  const hidden = directions[0].inputBias.length;
  const reading = call.rounds.toLinear(sequence.value);
  const initial = call.inputs[5] ?? null;
  const states = directions.map((direction, d) =>
    statesOf(call, reading, direction, {
      steps,
      features,
      hidden,
      initial: initial && startOf(call, initial, d * hidden, hidden),
    })
  );
  return statesAsOutputs(call, sequence, states, directions)
    .slice(0, call.node.outputs.length);
};

/** Weights and activations of each direction of a layer of so many gates. */
export function directionsOf(
  call: OperatorCall,
  { steps, features }: Sequence,
  { gates, defaults }: { gates: number; defaults: string[] },
): Direction[] {
  const { node } = call;
  const name = stringAttribute(node, "direction", "forward");
  const reversed =
    { forward: [false], reverse: [true], bidirectional: [false, true] }[name];
  const [weights, recurrence] = [1, 2].map((i) => constantInput(call, i)!);
  const biases = constantInput(call, 3);
  const lengths = constantInput(call, 4);
  const rows = weights.shape[1], hidden = rows / gates;
  if (!reversed || (lengths && lengths.data.some((n) => n !== steps))) {
    refuse(`its direction ${JSON.stringify(name)} or lengths are not known`);
  }
  const count = reversed.length;
  const isSound = Number.isInteger(hidden) &&
    sizeOf(weights.shape) === count * rows * features &&
    sizeOf(recurrence.shape) === count * rows * hidden &&
    (!biases || biases.data.length === count * 2 * rows);
  if (!isSound) {
    refuse(
      `weights of shape [${weights.shape}] and [${recurrence.shape}] do not fit ${features} features`,
    );
  }
  const given = node.attributes.get("activations");
  const names = given?.kind === "strings"
    ? given.value
    : reversed.flatMap(() => defaults);
  const part = (data: Float64Array | undefined, at: number, length: number) =>
    data?.subarray(at * length, (at + 1) * length) ?? new Float64Array(length);
  return reversed.map((reversed, d): Direction => ({
    reversed,
    activations: defaults.map((_, i) => {
      const name = names[d * defaults.length + i] ?? "";
      if (Object.hasOwn(functions, name)) return functions[name];
      refuse(`its activation ${JSON.stringify(name)} is not known`);
    }),
    inputWeights: part(weights.data, d, rows * features),
    stateWeights: part(recurrence.data, d, rows * hidden),
    inputBias: part(biases?.data, 2 * d, rows),
    stateBias: part(biases?.data, 2 * d + 1, rows),
  }));
}

/** The part of the initial state that is one direction's; null where it is 0. */
export function startOf(
  call: OperatorCall,
  initial: NonNullable<OperatorCall["inputs"][number]>,
  from: number,
  hidden: number,
): LinearValue | null {
  const shape = initial.kind === "constant"
    ? initial.tensor.shape
    : initial.shape;
  if (sizeOf(shape) < from + hidden) {
    refuse(`an initial state of shape [${shape}] does not fit`);
  }
  if (initial.kind === "constant") {
    const bias = initial.tensor.data.slice(from, from + hidden);
    if (bias.every((b) => b === 0)) return null;
    return { kind: "linear", shape: [1, hidden], terms: [], bias };
  }
  return part(call, initial, from, hidden);
}

function part(
  call: OperatorCall,
  value: DynamicValue,
  from: number,
  length: number,
): LinearValue {
  const index = Int32Array.from({ length }, (_, i) => from + i);
  return linearResult(call, value, [selection(value.shape, index)], [
    1,
    length,
  ]);
}

/** The state behind every step, in the order of time. */
function statesOf(
  call: OperatorCall,
  reading: LinearValue,
  direction: Direction,
  { steps, features, hidden, initial }: {
    steps: number;
    features: number;
    hidden: number;
    initial: LinearValue | null;
  },
): DynamicValue[] {
  const { inputWeights, stateWeights, inputBias, stateBias } = direction;
  const [activation] = direction.activations;
  const states = Array<DynamicValue>(steps);
  let before: DynamicValue | null = initial;
  for (let step = 0; step < steps; step++) {
    const t = direction.reversed ? steps - 1 - step : step;
    const inputs = part(call, reading, t * features, features);
    const seen = times(call, inputs, inputWeights, hidden);
    const sum = before
      ? addValues(seen, times(call, before, stateWeights, hidden))
      : seen;
    const name = `${call.node.name} step ${t}`;
    before = gatewayResult(
      { ...call, node: { ...call.node, name } },
      activation,
      [1, hidden],
      {
        value: shiftElements(sum, (i) => inputBias[i] + stateBias[i]),
        sole: false,
      },
    );
    states[t] = before;
  }
  return states;
}

/** A matrix, row after row, times a value. */
export function times(
  call: OperatorCall,
  value: DynamicValue,
  weights: Float64Array,
  rows: number,
): LinearValue {
  const columns = weights.length / rows;
  const map = { kind: "matrix" as const, rows, columns, weights };
  return linearResult(call, value, [map], [1, rows]);
}

/** Values side by side in a vector of so many elements. */
function joined(
  call: OperatorCall,
  parts: { state: DynamicValue; at: number }[],
  length: number,
): LinearValue {
  return parts.map(({ state, at }) => {
    const size = sizeOf(state.shape);
    const index = Int32Array.from(
      { length },
      (_, i) => i >= at && i < at + size ? i - at : -1,
    );
    return linearResult(call, state, [selection(state.shape, index)], [
      1,
      length,
    ]);
  }).reduce(addValues);
}

/** Refuses a recurrent layer. */
export function refuse(why: string): never {
  throw new UnsupportedNodeError(
    why,
    "export it unrolled, or with fixed lengths",
  );
}

export const recurrentRules: Record<string, OperatorRule> = { RNN: rnn };
