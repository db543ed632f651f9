/**
 * Tensors of integers in quantised models. A value stands for the real number that an
 * integer means; how it does is noteRange beside, by name of the tensor.
 *
 * @module
 */
import type { IntegerGrid } from "../ir.ts";
import type { OnnxNode } from "../onnx/graph.ts";
import { isIdentity } from "./linear_map.ts";
import { along, type Meaning } from "./meaning.ts";
import {
  dynamicInput,
  type DynamicValue,
  type OperatorCall,
} from "./operator_call.ts";
import { scaleElements } from "./operators/linear.ts";
import { UnsupportedNodeError } from "./unsupported.ts";
import type { LinearValue } from "./values.ts";

/** integer = value / scale + zero. */
export interface Integers {
  scale: number;
  zero: number;
}

/** Integers that stand for themselves. */
const plain: Integers = { scale: 1, zero: 0 };

/** Input `index`, a tensor of integers, as the real numbers that `meaning` makes of them. */
export function realInput(
  call: OperatorCall,
  index: number,
  meaning: Meaning,
): DynamicValue {
  const value = dynamicInput(call, index);
  const name = call.node.inputs[index];
  const from = call.integers.get(name) ?? plain;
  const { scales, zeros } = meaning;
  if (
    scales.length === 1 && scales[0] === from.scale && zeros[0] === from.zero
  ) {
    // What several read is computed once.
    const shared = call.consumers.get(name)! > 1;
    if (!shared || value.kind === "linear") return noteRange(call, value);
    return call.rounds.toLinear(value);
  }
  if (readAs(call, value, name, meaning)) return value;
  const at = along(meaning, value.shape);
  const linear = noteRange(call, call.rounds.toLinear(value));
  const factors = Float64Array.from(at, (i) => scales[i] / from.scale);
  const moved = scaleElements(linear, factors);
  const bias = moved.bias.map((b, i) =>
    b + (from.zero - zeros[at[i]]) * scales[at[i]]
  );
  return { ...moved, bias };
}

/** Where the reading itself is integers, its quantisation is to give them as they are. */
function noteRange<T extends DynamicValue>(call: OperatorCall, value: T): T {
  const input = inputOf(call, value);
  if (input?.range && !input.grid) {
    const [low, high] = input.range;
    input.grid = { scale: input.gain, low, high, ties: "even" };
  }
  return value;
}

/** Makes the meaning of integers that nothing else reads part of how readings are taken. */
function readAs(
  call: OperatorCall,
  value: DynamicValue,
  name: string,
  { scales: [scale, ...others], zeros: [zero] }: Meaning,
): boolean {
  const input = inputOf(call, value);
  if (!input?.range || input.grid || others.length > 0) return false;
  if (!call.isRawInput(name)) return false;
  const [low, high] = input.range;
  input.gain = scale;
  input.offset = -zero * scale;
  input.grid = { scale, low: low - zero, high: high - zero, ties: "even" };
  return true;
}

/** The input that a value is, as it is read; undefined where it is none. */
export function inputOf(call: OperatorCall, value: DynamicValue) {
  if (value.kind === "edge" || value.terms.length > 1) return undefined;
  const { terms: [{ reads, map }], bias } = value;
  const isWhole = isIdentity(map) && bias.every((b) => b === 0);
  return isWhole ? call.rounds.inputs.get(reads) : undefined;
}

/** Adds one number an element. */
export function shiftElements(
  value: LinearValue,
  by: (element: number) => number,
): LinearValue {
  return { ...value, bias: value.bias.map((b, i) => b + by(i)) };
}

/**
 * Notes what the outputs of a node are that only moves integers.
 *
 * @throws {UnsupportedNodeError} where it joins integers of different meanings
 */
export function passIntegers(
  { inputs, outputs, operator }: OnnxNode,
  integers: Map<string, Integers>,
): void {
  const moved = operator === "Concat" ? inputs : inputs.slice(0, 1);
  const [first, ...others] = moved.map((name) => integers.get(name) ?? plain);
  const differ = others.some(({ scale, zero }) =>
    scale !== first.scale || zero !== first.zero
  );
  if (differ) {
    throw new UnsupportedNodeError(
      "it joins integers of different scales or zero points",
      "dequantise them first",
    );
  }
  if (first === plain) return;
  for (const output of outputs) integers.set(output, first);
}

/** Whether values between two grids' multiples are rounded alike. */
export function isSameGrid(left: IntegerGrid, right: IntegerGrid): boolean {
  return left.scale === right.scale && left.low === right.low &&
    left.high === right.high;
}
