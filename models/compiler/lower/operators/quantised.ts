/**
 * Operators of quantised models: their scales are taken as they are, and what they
 * round to becomes a step of the gateway.
 *
 * @module
 */
import type { EdgeOperation, IntegerGrid } from "../../ir.ts";
import { numberAttribute, stringAttribute } from "../../onnx/graph.ts";
import {
  broadcastIndex,
  floats,
  sizeOf,
  type Tensor,
} from "../../onnx/tensor.ts";
import { inputOf, liesOnGrid, realInput, shiftElements } from "../integers.ts";
import {
  along,
  bitRange,
  channelAxis,
  type Meaning,
  meaningOf,
  type Range,
  realConstant,
  targetRange,
} from "../meaning.ts";
import {
  constantInput,
  constantValue,
  dynamicInput,
  type DynamicValue,
  edgeResult,
  isSoleReader,
  type OperatorCall,
  type OperatorRule,
} from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import type { Value } from "../values.ts";
import { linearRules, scaleElements } from "./linear.ts";

/** The value rounded, at the gateway; the node's output holds the integers. */
function roundValue(
  call: OperatorCall,
  value: DynamicValue,
  meaning: Meaning,
  range: Range,
  sole: boolean,
): DynamicValue {
  const { scales: [scale, ...others], zeros: [zero] } = meaning;
  const [output] = call.node.outputs;
  if (others.length > 0) {
    const { scales, zeros } = meaning, at = along(meaning, value.shape);
    const steps = shiftElements(
      scaleElements(
        call.rounds.toLinear(value),
        Float64Array.from(at, (i) => 1 / scales[i]),
      ),
      (i) => zeros[at[i]],
    );
    const [low, high] = range;
    return roundAtGateway(
      call,
      steps,
      { scale: 1, low, high, ties: "even" },
      true,
    );
  }
  call.integers.set(output, { scale, zero });
  const grid: IntegerGrid = {
    scale,
    low: range[0] - zero,
    high: range[1] - zero,
    ties: "even",
  };
  const input = inputOf(call, value);
  if (
    input && !input.grid && input.gain > 0 &&
    call.isRawInput(call.node.inputs[0])
  ) {
    input.grid = grid;
    return value;
  }
  return roundAtGateway(call, value, grid, sole);
}

function roundAtGateway(
  call: OperatorCall,
  value: DynamicValue,
  grid: IntegerGrid,
  sole: boolean,
): DynamicValue {
  if (liesOnGrid(call, value, grid)) return value;
  const operation: EdgeOperation = { op: "quantise", ...grid };
  return edgeResult(call, operation, value.shape, { value, sole });
}

const quantizeLinear: OperatorRule = (call) => {
  const { node } = call;
  const zero = constantInput(call, 2);
  const axis = numberAttribute(node, "axis", 1);
  const range = targetRange(zero, numberAttribute(node, "output_dtype", 0));
  return roundValue(
    call,
    dynamicInput(call, 0),
    meaningOf(constantInput(call, 1)!, zero, axis),
    range,
    isSoleReader(call, 0),
  );
};

const dequantizeLinear: OperatorRule = (call) =>
  realInput(
    call,
    0,
    constantMeaning(call, 1, numberAttribute(call.node, "axis", 1)),
  );

/** What the inputs `index` and the one behind it say. */
function constantMeaning(
  call: OperatorCall,
  index: number,
  axis: number,
): Meaning {
  return meaningOf(
    constantInput(call, index)!,
    constantInput(call, index + 1),
    axis,
  );
}

/** The zero point alone. */
function countedFrom(zero: Tensor | null, axis: number): Meaning {
  const one = floats(zero ? zero.data.map(() => 1) : 1);
  return meaningOf(one, zero, axis);
}

const qLinearConv: OperatorRule = (call) => {
  const ofInput = constantMeaning(call, 1, 0);
  const ofWeights = constantMeaning(call, 4, 0);
  const weights = realConstant(constantInput(call, 3)!, ofWeights);
  const given = constantInput(call, 8);
  const bias = given && realConstant(
    given,
    {
      ...ofWeights,
      scales: ofWeights.scales.map((s) => s * ofInput.scales[0]),
      zeros: ofWeights.zeros.map(() => 0),
    },
  );
  const sum = linear(call, "Conv", [
    realInput(call, 0, ofInput),
    constantValue(weights),
    bias && constantValue(bias),
  ]);
  const zero = constantInput(call, 7);
  const meaning = meaningOf(constantInput(call, 6)!, zero, 1);
  return roundValue(call, sum, meaning, targetRange(zero, 0), true);
};

const qLinearMatMul: OperatorRule = (call) => {
  const sum = product(
    call,
    [0, 3],
    constantMeaning(call, 1, -2),
    constantMeaning(call, 4, -1),
  );
  const zero = constantInput(call, 7);
  const meaning = meaningOf(constantInput(call, 6)!, zero, 1);
  return roundValue(call, sum, meaning, targetRange(zero, 0), true);
};

const convInteger: OperatorRule = (call) => {
  const weights = realConstant(
    constantInput(call, 1)!,
    countedFrom(constantInput(call, 3), 0),
  );
  const x = realInput(call, 0, countedFrom(constantInput(call, 2), 0));
  return linear(call, "Conv", [x, constantValue(weights), null]);
};

const matMulInteger: OperatorRule = (call) =>
  product(
    call,
    [0, 1],
    countedFrom(constantInput(call, 2), -2),
    countedFrom(constantInput(call, 3), -1),
  );

/** The product of two tensors of integers, one of them constant. */
function product(
  call: OperatorCall,
  places: [left: number, right: number],
  ...meanings: [left: Meaning, right: Meaning]
): DynamicValue {
  const real = places.map((index, i) => {
    const value = call.inputs[index];
    return value?.kind === "constant"
      ? constantValue(realConstant(value.tensor, meanings[i]))
      : realInput(call, index, meanings[i]);
  });
  return linear(call, "MatMul", real);
}

/** The same on real numbers. */
function linear(
  call: OperatorCall,
  operator: "Conv" | "MatMul",
  inputs: (Value | null)[],
): DynamicValue {
  return linearRules[operator]({ ...call, inputs }) as DynamicValue;
}

/** qonnx: rounded to a grid, and real again. */
const quant: OperatorRule = (call) => {
  const { node } = call;
  const mode = stringAttribute(node, "rounding_mode", "ROUND");
  if (mode !== "ROUND") {
    throw new UnsupportedNodeError(
      `its rounding ${JSON.stringify(mode)} is known on constants only`,
      "round to the nearest (ROUND)",
    );
  }
  const value = dynamicInput(call, 0);
  const [scale, zero, bits] = [1, 2, 3].map((i) => constantInput(call, i)!);
  const range = bitRange(
    bits.data[0],
    numberAttribute(node, "signed", 1) === 1,
    numberAttribute(node, "narrow", 0) === 1,
  );
  const meaning = meaningOf(scale, zero, channelAxis(scale.shape));
  const sole = isSoleReader(call, 0);
  if (meaning.scales.length === 1) {
    const result = roundValue(call, value, meaning, range, sole);
    call.integers.delete(node.outputs[0]);
    return result;
  }
  const { scales, zeros } = meaning, at = along(meaning, value.shape);
  const steps = call.rounds.toLinear(
    roundValue(call, value, meaning, range, sole),
  );
  return scaleElements(
    shiftElements(steps, (i) => -zeros[at[i]]),
    Float64Array.from(at, (i) => scales[i]),
  );
};

/** qonnx: the scale, with the sign of what is given. */
const bipolarQuant: OperatorRule = (call) => {
  const value = dynamicInput(call, 0);
  const scale = constantInput(call, 1)!.data;
  if (scale.length > 1) {
    throw new UnsupportedNodeError(
      `it has ${scale.length} scales`,
      "use one scale for all",
    );
  }
  return edgeResult(call, { op: "sign", scale: scale[0] }, value.shape);
};

/** PULP's tools: floor((x * mul + add) / div), within the levels of its integers. */
const requantShift: OperatorRule = (call) => {
  const { node } = call;
  const value = call.rounds.toLinear(dynamicInput(call, 0));
  const div = scalar(call, "div"), signed = scalar(call, "signed") !== 0;
  const levels = node.attributes.has("n_levels")
    ? scalar(call, "n_levels")
    : scalar(call, "n_levels_out");
  const [low, high] = signed ? [-levels / 2, levels / 2 - 1] : [0, levels - 1];
  if (!(div > 0) || !Number.isInteger(low) || !(high > low)) {
    throw new UnsupportedNodeError(
      `its divisor ${div} and ${levels} levels are none`,
      "correct the model",
    );
  }
  const spread = (index: number) => {
    const { data, shape } = constantInput(call, index)!;
    const at = broadcastIndex(shape, value.shape);
    if (at.length !== sizeOf(value.shape)) {
      throw new RangeError(`Cannot spread [${shape}] over [${value.shape}]`);
    }
    return Float64Array.from(at, (i) => data[i]);
  };
  const factors = spread(1).map((mul) => mul / div), add = spread(2);
  // The nearest, half a step below: rounded down.
  const steps = shiftElements(
    scaleElements(value, factors),
    (i) => add[i] / div - .5,
  );
  return roundAtGateway(call, steps, { scale: 1, low, high, ties: "up" }, true);
};

/** An attribute that is one number, by itself or as a tensor. */
function scalar({ node: { attributes } }: OperatorCall, name: string): number {
  const attribute = attributes.get(name);
  if (attribute?.kind === "number") return attribute.value;
  if (attribute?.kind === "tensor" && attribute.value.data.length === 1) {
    return attribute.value.data[0];
  }
  throw new UnsupportedNodeError(
    `its attribute ${name} is no number`,
    "correct the model",
  );
}

export const quantisedRules: Record<string, OperatorRule> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: dequantizeLinear,
  QLinearConv: qLinearConv,
  QLinearMatMul: qLinearMatMul,
  ConvInteger: convInteger,
  MatMulInteger: matMulInteger,
  Quant: quant,
  BipolarQuant: bipolarQuant,
  RequantShift: requantShift,
};
