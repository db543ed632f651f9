/**
 * Tensors of integers in quantised models. A value stands for the real number that an
 * integer means; how it does is noteRange beside, by name of the tensor.
 *
 * @module
 */
import type { GatewayOperation, IntegerGrid, LinearMap } from "../ir.ts";
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
  if (value.kind === "gateway" || value.terms.length > 1) return undefined;
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

/** Operations that leave multiples of a scale what they are. */
const keepsGrid = new Set<GatewayOperation["op"]>([
  ...["maxPool", "transpose", "repeat"] as const,
]);

/** Whether a value holds multiples of the grid's scale already, so that it need not be rounded to them. */
export function liesOnGrid(
  { rounds }: OperatorCall,
  value: DynamicValue,
  grid: IntegerGrid,
): boolean {
  const isLast = (operations: readonly GatewayOperation[]) => {
    const last = operations.findLast(({ op }) => !keepsGrid.has(op));
    return last?.op === "quantise" && isSameGrid(last, grid);
  };
  if (value.kind === "gateway") return isLast(value.operations);
  if (value.bias.some((b) => b !== 0)) return false;
  const isOnGrid = (name: string) => {
    const given = rounds.inputs.get(name)?.grid;
    const round = rounds.rounds.find(({ writes }) => writes === name);
    return given ? isSameGrid(given, grid) : isLast(round?.gateway ?? []);
  };
  // Elements side by side: each is one element of one activation, or none.
  const taken = new Uint8Array(value.bias.length);
  return value.terms.every(({ reads, map }) =>
    isOnGrid(reads) && picksApart(map, taken)
  );
}

/** Whether each row of the map picks one element or none, and none of those taken. */
function picksApart(map: LinearMap, taken: Uint8Array): boolean {
  if (map.kind === "selection") {
    return map.index.every((from, i) => from < 0 || taken[i]++ === 0);
  }
  if (map.kind === "matrix") return false;
  const { output, weights, kernel } = map, [channels, height, width] = output;
  const perRow = weights.length / channels, area = height * width;
  if (kernel[0] * kernel[1] > 1) return false;
  for (let c = 0; c < channels; c++) {
    const row = weights.subarray(c * perRow, (c + 1) * perRow);
    const picked = row.reduce((count, w) => w === 0 ? count : count + 1, 0);
    if (picked > 1 || row.some((w) => w !== 0 && w !== 1)) return false;
    for (let i = c * area; picked > 0 && i < (c + 1) * area; i++) {
      if (taken[i]++ > 0) return false;
    }
  }
  return true;
}

/** Whether values between two grids' multiples are rounded alike. */
function isSameGrid(left: IntegerGrid, right: IntegerGrid): boolean {
  return left.scale === right.scale && left.low === right.low &&
    left.high === right.high;
}
