/**
 * Comparisons of tensors, and choices by them.
 *
 * @module
 */
import { broadcastShapes, sizeOf } from "../../onnx/tensor.ts";
import { shiftElements } from "../integers.ts";
import {
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  isSoleReader,
  type OperatorCall,
  type OperatorRule,
  shapeOf,
} from "../operator_call.ts";
import type { ScalarFunction } from "../scalar_functions.ts";
import { addValues, type LinearValue } from "../values.ts";
import { derivedFrom, expandTo, spreadConstant } from "./elementwise.ts";
import { productOf } from "./joins.ts";
import { scaleElements } from "./linear.ts";

const comparisons: Readonly<Record<string, ScalarFunction>> = {
  Greater: (difference) => difference > 0 ? 1 : 0,
  GreaterOrEqual: (difference) => difference >= 0 ? 1 : 0,
  Less: (difference) => difference < 0 ? 1 : 0,
  LessOrEqual: (difference) => difference <= 0 ? 1 : 0,
};

/** 1 where a comparison holds, 0 elsewhere. */
const compare: OperatorRule = (call) => {
  const name = call.node.operator, f = comparisons[name];
  const derived = derivedFrom(call, (left, right) => f(left - right));
  if (derived) return derived;
  const value = difference(call, 0, 1);
  return gatewayResult(
    call,
    { op: "function", name, apply: f },
    value.shape,
    { value },
  );
};

/** The greater or less of tensors of which two or more depend on the reading, or which differ from element to element. */
export function extremumOf(call: OperatorCall): DynamicValue {
  const isMin = call.node.operator === "Min";
  const shape = call.inputs.map((value) => shapeOf(value!))
    .reduce(broadcastShapes);
  const values = call.inputs.map((_, i) => linearInput(call, i, shape));
  return values.reduce((left, right): LinearValue => {
    // max(x, y) = y + relu(x - y), min(x, y) = x - relu(x - y)
    const above = gatewayResult(call, { op: "relu" }, shape, {
      value: minus(left, right),
    });
    const excess = call.rounds.toLinear(above);
    return isMin ? minus(left, excess) : addValues(right, excess);
  });
}

const not: OperatorRule = (call) => {
  const value = call.rounds.toLinear(dynamicInput(call, 0));
  return shiftElements(negated(value), () => 1);
};

/** b + c (a - b): c is 1 or 0. */
const where: OperatorRule = (call) => {
  const shape = call.inputs.map((value) => shapeOf(value!))
    .reduce(broadcastShapes);
  const chosen = derivedFrom(call, (c, a, b) => c !== 0 ? a : b);
  if (chosen) return chosen;
  const [condition] = call.inputs, b = linearInput(call, 2, shape);
  const apart = minus(linearInput(call, 1, shape), b);
  if (condition?.kind === "constant") {
    const mask = spreadConstant(condition.tensor, shape);
    return addValues(b, scaleElements(apart, mask.map((c) => c !== 0 ? 1 : 0)));
  }
  const value = dynamicInput(call, 0), sole = isSoleReader(call, 0);
  if (apart.terms.length === 0) {
    const factors = call.rounds.toLinear(value);
    const stretched = expandTo(call, factors, shape);
    return addValues(scaleElements(stretched, apart.bias), b);
  }
  const product = productOf(call, [
    { value: apart, sole: true },
    { value, sole },
  ]);
  return addValues(call.rounds.toLinear(product), b);
};

function linearInput(
  call: OperatorCall,
  index: number,
  shape: number[],
): LinearValue {
  const value = call.inputs[index]!;
  if (value.kind !== "constant") return expandTo(call, value, shape);
  const bias = spreadConstant(value.tensor, shape);
  return { kind: "linear", shape, terms: [], bias };
}

function difference(
  call: OperatorCall,
  left: number,
  right: number,
): LinearValue {
  const shape = call.inputs.map((value) => shapeOf(value!))
    .reduce(broadcastShapes);
  return minus(
    linearInput(call, left, shape),
    linearInput(call, right, shape),
  );
}

function minus(left: LinearValue, right: LinearValue): LinearValue {
  return addValues(left, negated(right));
}

function negated(value: LinearValue): LinearValue {
  return scaleElements(
    value,
    new Float64Array(sizeOf(value.shape)).fill(-1),
  );
}

export const comparisonRules: Record<string, OperatorRule> = {
  Greater: compare,
  GreaterOrEqual: compare,
  Less: compare,
  LessOrEqual: compare,
  Not: not,
  Where: where,
};
