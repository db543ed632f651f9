/**
 * Arithmetic with constants and between activations, and functions of one variable.
 *
 * @module
 */
import type { GatewayOperation } from "../../ir.ts";
import { numberAttribute } from "../../onnx/graph.ts";
import {
  broadcastIndex,
  broadcastShapes,
  sizeOf,
  type Tensor,
} from "../../onnx/tensor.ts";
import { arithmetic } from "../constants.ts";
import { isIdentity } from "../linear_map.ts";
import {
  constantInput,
  constants,
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  isSoleReader,
  linearResult,
  type OperatorCall,
  type OperatorRule,
  shapeOf,
} from "../operator_call.ts";
import {
  clipRange,
  type ScalarFunction,
  scalarFunction,
} from "../scalar_functions.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { addValues, gridOf, type LinearValue } from "../values.ts";
import { extremumOf } from "./comparisons.ts";
import { product, quotient } from "./joins.ts";
import { scaleElements } from "./linear.ts";

/** Add, Sub, Mul, Div and Pow, at least one operand depending on the reading. */
const binary: OperatorRule = (call) => {
  const { operator } = call.node;
  const [left, right] = call.inputs.map((value) =>
    value?.kind === "constant" ? value.tensor : null
  );
  const f = arithmetic[operator];
  if (!left && !right) return ofTwoActivations(call, f);

  const constant = (left ?? right)!;
  const index = left ? 1 : 0;
  if (constant.data.length === 1) {
    const c = constant.data[0];
    const apply: ScalarFunction = left ? (x) => f(c, x) : (x) => f(x, c);
    derive(call, index, apply);
    const folded = foldIntoFunction(call, index, apply) ??
      foldIntoInput(call, index, apply, operator);
    if (folded) return folded;
  }
  if (operator === "Pow" || (operator === "Div" && left)) {
    if (constant.data.length !== 1) {
      throw new UnsupportedNodeError(
        "it is not linear and differs from element to element",
        "use one exponent or dividend for all",
      );
    }
    return functionOf(
      call,
      index,
      operator,
      call.derivations.get(call.node.outputs[0])!.apply,
    );
  }
  const value = expandTo(call, dynamicInput(call, index), constant.shape);
  const spread = spreadConstant(constant, value.shape);
  if (operator === "Mul") return scaleElements(value, spread);
  if (operator === "Div") return scaleElements(value, spread.map((c) => 1 / c));
  const sign = operator === "Sub" ? -1 : 1;
  if (left && operator === "Sub") {
    const negated = scaleElements(value, spread.map(() => -1));
    return { ...negated, bias: negated.bias.map((b, i) => b + spread[i]) };
  }
  return { ...value, bias: value.bias.map((b, i) => b + sign * spread[i]) };
};

/** A sum of activations is linear; anything else must be a function of one tensor. */
function ofTwoActivations(
  call: OperatorCall,
  f: (a: number, b: number) => number,
): DynamicValue {
  const { node } = call;
  const linear = node.operator === "Add" || node.operator === "Sub";
  const common = commonAncestor(call, node.inputs[0], node.inputs[1]);
  const pending = call.inputs.some((value) =>
    value?.kind === "gateway" && value.activation === null
  );
  if (common && (!linear || pending)) {
    const { left, right } = common;
    const apply: ScalarFunction = (x) => f(left(x), right(x));
    call.derivations.set(node.outputs[0], { from: common.name, apply });
    return elementwise(call, common.name, node.operator, apply);
  }
  if (node.operator === "Mul") return product(call);
  if (node.operator === "Div") return quotient(call);
  if (!linear) {
    throw new UnsupportedNodeError(
      "its base and its exponent both depend on the reading",
      "use one exponent for all",
    );
  }
  const a = expandTo(call, dynamicInput(call, 0), shapeOf(call.inputs[1]!));
  const b = expandTo(call, dynamicInput(call, 1), a.shape);
  if (node.operator === "Add") return addValues(a, b);
  return addValues(
    a,
    scaleElements(b, new Float64Array(b.bias.length).fill(-1)),
  );
}

/** A value as a linear one, broadcast against `other`. */
export function expandTo(
  call: OperatorCall,
  value: DynamicValue,
  other: readonly number[],
): LinearValue {
  const shape = broadcastShapes(value.shape, other);
  if (sizeOf(shape) === sizeOf(value.shape)) {
    return { ...call.rounds.toLinear(value), shape };
  }
  const map = {
    kind: "selection" as const,
    columns: sizeOf(value.shape),
    index: broadcastIndex(value.shape, shape),
  };
  return linearResult(call, value, [map], shape);
}

/** A constant stretched to a shape. */
export function spreadConstant(
  constant: Tensor,
  shape: number[],
): Float64Array {
  const index = broadcastIndex(constant.shape, shape);
  return Float64Array.from(index, (at) => constant.data[at]);
}

/** Notes that this node's output is apply(input). */
function derive(
  call: OperatorCall,
  index: number,
  apply: ScalarFunction,
): void {
  const from = call.node.inputs[index];
  call.derivations.set(call.node.outputs[0], { from, apply });
}

/** All tensors that `name` is an elementwise function of, nearest first. */
function ancestors(
  call: OperatorCall,
  name: string,
): { name: string; apply: ScalarFunction }[] {
  const found = [{ name, apply: ((x) => x) as ScalarFunction }];
  for (;;) {
    const { name: at, apply } = found[found.length - 1];
    const step = call.derivations.get(at);
    if (!step) return found;
    found.push({ name: step.from, apply: (x) => apply(step.apply(x)) });
  }
}

function commonAncestor(call: OperatorCall, left: string, right: string) {
  const others = ancestors(call, right);
  for (const { name, apply } of ancestors(call, left)) {
    const other = others.find((candidate) => candidate.name === name);
    if (other) return { name, left: apply, right: other.apply };
  }
  return null;
}

/**
 * A function of all inputs as one of a single tensor that all of them are functions of,
 * or single constants; null where they are not.
 */
export function derivedFrom(
  call: OperatorCall,
  f: (...values: number[]) => number,
): DynamicValue | null {
  const { node, inputs } = call;
  const chains = inputs.map((value, i) => {
    if (value?.kind !== "constant") return ancestors(call, node.inputs[i]);
    return value.tensor.data.length === 1 ? value.tensor.data[0] : [];
  });
  const first = chains.find((chain) => typeof chain !== "number");
  if (!Array.isArray(first)) return null;
  for (const { name } of first) {
    const functions = chains.map((chain) =>
      typeof chain === "number"
        ? () => chain
        : chain.find((candidate) => candidate.name === name)?.apply
    );
    if (!functions.every((apply) => apply !== undefined)) continue;
    const apply: ScalarFunction = (x) => f(...functions.map((g) => g(x)));
    call.derivations.set(node.outputs[0], { from: name, apply });
    const index = node.inputs.indexOf(name);
    return index >= 0 && isSoleReader(call, index)
      ? functionOf(call, index, node.operator, apply)
      : elementwise(call, name, node.operator, apply);
  }
  return null;
}

/** A function (or constant) behind a function that only this node reads joins it. */
function foldIntoFunction(
  call: OperatorCall,
  index: number,
  apply: ScalarFunction,
): DynamicValue | null {
  const value = dynamicInput(call, index);
  if (
    value.kind !== "gateway" || value.activation || !isSoleReader(call, index)
  ) {
    return null;
  }
  const last = value.operations[value.operations.length - 1];
  if (last?.op !== "function") return null;
  const joined = { ...last, apply: (x: number) => apply(last.apply(x)) };
  return {
    ...value,
    node: call.node.name,
    operations: [...value.operations.slice(0, -1), joined],
  };
}

/** Arithmetic on the reading itself becomes part of how readings are quantised. */
function foldIntoInput(
  call: OperatorCall,
  index: number,
  apply: ScalarFunction,
  operator: string,
): DynamicValue | null {
  const value = dynamicInput(call, index);
  const plain = value.kind === "linear" && value.terms.length === 1 &&
    call.rounds.inputs.has(value.terms[0].reads) &&
    isIdentity(value.terms[0].map) &&
    value.bias.every((b) => b === 0) && operator !== "Pow" &&
    !(operator === "Div" && index === 1);
  if (!plain || !call.isRawInput(call.node.inputs[index])) return null;
  const input = call.rounds.inputs.get(value.terms[0].reads)!;
  call.derivations.delete(call.node.outputs[0]);
  const offset = apply(input.offset);
  input.gain = apply(input.offset + input.gain) - offset;
  input.offset = offset;
  return value;
}

/** An elementwise function of the tensor `base`. */
function elementwise(
  call: OperatorCall,
  base: string,
  name: string,
  apply: ScalarFunction,
): DynamicValue {
  const value = call.values.get(base)! as DynamicValue;
  const operation: GatewayOperation = { op: "function", name, apply };
  return gatewayResult(call, operation, value.shape, { value, sole: false });
}

function functionOf(
  call: OperatorCall,
  index: number,
  name: string,
  apply: ScalarFunction,
): DynamicValue {
  const joined = foldIntoFunction(call, index, apply);
  if (joined) return joined;
  const value = dynamicInput(call, index);
  const operation: GatewayOperation = { op: "function", name, apply };
  return gatewayResult(call, operation, value.shape, {
    value,
    sole: isSoleReader(call, index),
  });
}

/** Functions of one variable: rectifiers and Clip in integers, the rest by tables. */
const unary: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const { node } = call;
  const apply = scalarFunction(node, constants(call))!;
  derive(call, 0, apply);
  switch (node.operator) {
    case "Relu":
      return gatewayResult(call, { op: "relu" }, value.shape);
    case "LeakyRelu": {
      const slopes = Float64Array.of(numberAttribute(node, "alpha", .01));
      return gatewayResult(call, { op: "leakyRelu", slopes }, value.shape);
    }
    case "Clip": {
      const [low, high] = clipRange(node, constants(call));
      if (low === 0 && high > 1e30) {
        return gatewayResult(call, { op: "relu" }, value.shape);
      }
      return gatewayResult(call, { op: "clip", low, high }, value.shape);
    }
    case "Neg": {
      const linear = call.rounds.toLinear(value);
      return scaleElements(
        linear,
        new Float64Array(linear.bias.length).fill(-1),
      );
    }
    default:
      return functionOf(call, 0, node.operator, apply);
  }
};

const prelu: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const slope = constantInput(call, 1)!;
  const spread = spreadConstant(slope, value.shape);
  const channels = (gridOf(value.shape) ?? [spread.length])[0];
  const area = spread.length / channels;
  const perChannel = Float64Array.from(
    { length: channels },
    (_, c) => spread[c * area],
  );
  if (!spread.every((s, i) => s === perChannel[Math.floor(i / area)])) {
    throw new UnsupportedNodeError(
      "its slopes differ inside a channel",
      "use one slope a channel",
    );
  }
  const slopes = perChannel.every((s) => s === perChannel[0])
    ? perChannel.slice(0, 1)
    : perChannel;
  return gatewayResult(call, { op: "leakyRelu", slopes }, value.shape);
};

/** Min and Max with single constants are a Clip. */
const extremum: OperatorRule = (call) => {
  const isMin = call.node.operator === "Min";
  const known = call.inputs.map((value) =>
    value?.kind === "constant" ? value.tensor : null
  );
  const index = known.findIndex((tensor) => tensor === null);
  const bounds = known.filter((tensor) => tensor !== null);
  if (
    bounds.length !== known.length - 1 ||
    bounds.some(({ data }) => data.length !== 1)
  ) {
    const f = isMin ? Math.min : Math.max;
    return derivedFrom(call, f) ?? extremumOf(call);
  }
  const value = dynamicInput(call, index);
  const limits = bounds.map(({ data }) => data[0]);
  const operation: GatewayOperation = isMin
    ? { op: "clip", low: -Infinity, high: Math.min(...limits) }
    : { op: "clip", low: Math.max(...limits), high: Infinity };
  derive(
    call,
    index,
    (x) => Math.min(Math.max(x, operation.low), operation.high),
  );
  return gatewayResult(call, operation, value.shape, {
    value,
    sole: isSoleReader(call, index),
  });
};

/** Sum of any number of tensors, constants among them, each stretched to the others. */
const sum: OperatorRule = (call) => {
  const shape = call.inputs.map((value) => shapeOf(value!))
    .reduce(broadcastShapes);
  const bias = new Float64Array(sizeOf(shape));
  const addends: LinearValue[] = [];
  call.inputs.forEach((value) => {
    if (value?.kind === "constant") {
      spreadConstant(value.tensor, shape).forEach((c, at) => bias[at] += c);
    } else addends.push(expandTo(call, value as DynamicValue, shape));
  });
  const total = addends.reduce(addValues);
  return { ...total, bias: total.bias.map((b, i) => b + bias[i]) };
};

const mean: OperatorRule = (call) => {
  const total = sum(call) as LinearValue;
  const share = 1 / call.inputs.length;
  return scaleElements(total, new Float64Array(total.bias.length).fill(share));
};

export const elementwiseRules: Record<string, OperatorRule> = {
  Add: binary,
  Sub: binary,
  Mul: binary,
  Div: binary,
  Pow: binary,
  Sum: sum,
  Mean: mean,
  PRelu: prelu,
  Min: extremum,
  Max: extremum,
};

export { unary };
