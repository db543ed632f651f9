/**
 * Recurrent layers without gates, one round a step of time.
 *
 * @module
 */
import type { GatewayOperation } from "../../ir.ts";
import { numberAttribute, stringAttribute } from "../../onnx/graph.ts";
import { sizeOf } from "../../onnx/tensor.ts";
import { shiftElements } from "../integers.ts";
import {
  constantInput,
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  linearResult,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { addValues, type LinearValue } from "../values.ts";
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

/** Weights of one direction, [hidden, ...] each. */
interface Direction {
  reversed: boolean;
  activation: GatewayOperation;
  inputWeights: Float64Array;
  stateWeights: Float64Array;
  bias: Float64Array;
  initial: LinearValue | null;
}

const rnn: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const [steps, batch, features] = numberAttribute(call.node, "layout", 0) === 1
    ? [value.shape[1], value.shape[0], value.shape[2]]
    : value.shape;
  if (value.shape.length !== 3 || batch !== 1 || steps > maxSteps) {
    refuse(
      `it works on a tensor of shape [${value.shape}]; up to ${maxSteps} steps of a batch of 1 are known`,
    );
  }
  const directions = directionsOf(call, steps, features);
  const hidden = directions[0].bias.length;
  const reading = call.rounds.toLinear(value);
  const states = directions.map((direction) =>
    statesOf(call, reading, direction, { steps, features, hidden })
  );
  const count = directions.length, block = count * hidden;
  const all = joined(
    call,
    states.flatMap((list, d) =>
      list.map((state, t) => ({ state, at: t * block + d * hidden }))
    ),
    steps * block,
  );
  const last = joined(
    call,
    states.map((list, d) => ({
      state: list[directions[d].reversed ? 0 : steps - 1],
      at: d * hidden,
    })),
    block,
  );
  const batchFirst = numberAttribute(call.node, "layout", 0) === 1;
  return [
    {
      ...all,
      shape: batchFirst ? [1, steps, count, hidden] : [steps, count, 1, hidden],
    },
    { ...last, shape: batchFirst ? [1, count, hidden] : [count, 1, hidden] },
  ].slice(0, call.node.outputs.length);
};

function directionsOf(
  call: OperatorCall,
  steps: number,
  features: number,
): Direction[] {
  const { node } = call;
  const name = stringAttribute(node, "direction", "forward");
  const reversed =
    { forward: [false], reverse: [true], bidirectional: [false, true] }[name];
  const [weights, recurrence] = [1, 2].map((i) => constantInput(call, i)!);
  const biases = constantInput(call, 3);
  const lengths = constantInput(call, 4);
  const hidden = weights.shape[1];
  if (!reversed || (lengths && lengths.data.some((n) => n !== steps))) {
    refuse(`its direction ${JSON.stringify(name)} or lengths are not known`);
  }
  const count = reversed.length;
  const isSound = sizeOf(weights.shape) === count * hidden * features &&
    sizeOf(recurrence.shape) === count * hidden * hidden &&
    (!biases || biases.data.length === count * 2 * hidden);
  if (!isSound) {
    refuse(
      `weights of shape [${weights.shape}] and [${recurrence.shape}] do not fit ${features} features`,
    );
  }
  const given = node.attributes.get("activations");
  const names = given?.kind === "strings" ? given.value : ["Tanh", "Tanh"];
  const initial = call.inputs[5] ?? null;
  return reversed.map((reversed, d): Direction => {
    if (!Object.hasOwn(functions, names[d] ?? "")) {
      refuse(`its activation ${JSON.stringify(names[d])} is not known`);
    }
    const bias = new Float64Array(hidden);
    biases?.data.subarray(d * 2 * hidden, (d + 1) * 2 * hidden)
      .forEach((b, i) => bias[i % hidden] += b);
    return {
      reversed,
      activation: functions[names[d]],
      inputWeights: weights.data.subarray(
        d * hidden * features,
        (d + 1) * hidden * features,
      ),
      stateWeights: recurrence.data.subarray(
        d * hidden * hidden,
        (d + 1) * hidden * hidden,
      ),
      bias,
      initial: initial && startOf(call, initial, d * hidden, hidden),
    };
  });
}

/** The part of the initial state that is one direction's. */
function startOf(
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
  { steps, features, hidden }: {
    steps: number;
    features: number;
    hidden: number;
  },
): DynamicValue[] {
  const { inputWeights, stateWeights, bias, activation } = direction;
  const states = Array<DynamicValue>(steps);
  let before: DynamicValue | null = direction.initial;
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
      { value: shiftElements(sum, (i) => bias[i]), sole: false },
    );
    states[t] = before;
  }
  return states;
}

function times(
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

function refuse(why: string): never {
  throw new UnsupportedNodeError(
    why,
    "export it unrolled, or with fixed lengths",
  );
}

export const recurrentRules: Record<string, OperatorRule> = { RNN: rnn };
