/**
 * Constants of quantised models: integers and the real numbers that they mean.
 *
 * @module
 */
import {
  numberAttribute,
  type OnnxNode,
  stringAttribute,
} from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { integerOf } from "../integer_grid.ts";
import {
  along,
  bitRange,
  channelAxis,
  meaningOf,
  realConstant,
  targetRange,
} from "./meaning.ts";
import { UnsupportedNodeError } from "./unsupported.ts";

type Rule = (node: OnnxNode, inputs: (Tensor | null)[]) => Tensor;

const quantizeLinear: Rule = (node, [x, scale, zero]) => {
  const range = targetRange(zero, numberAttribute(node, "output_dtype", 0));
  const meaning = meaningOf(
    scale!,
    zero ?? null,
    numberAttribute(node, "axis", 1),
  );
  const { scales, zeros } = meaning, at = along(meaning, x!.shape);
  const [low, high] = range;
  const data = x!.data.map((value, i) => {
    const zero = zeros[at[i]], scale = scales[at[i]];
    const steps = { scale, low: low - zero, high: high - zero, ties: "even" };
    return integerOf(value, steps as Parameters<typeof integerOf>[1]) + zero;
  });
  return { type: "integer", shape: x!.shape, data, range };
};

/** Roundings of qonnx, on constants. */
const roundings: Readonly<Record<string, (x: number) => number>> = {
  ROUND: (x) =>
    integerOf(x, { scale: 1, low: -Infinity, high: Infinity, ties: "even" }),
  FLOOR: Math.floor,
  CEIL: Math.ceil,
  ROUND_TO_ZERO: Math.trunc,
};

const quant: Rule = (node, [x, scale, zero, bits]) => {
  const mode = stringAttribute(node, "rounding_mode", "ROUND");
  if (!Object.hasOwn(roundings, mode)) {
    throw new UnsupportedNodeError(
      `its rounding ${JSON.stringify(mode)} is not known`,
      "round to the nearest (ROUND)",
    );
  }
  const [low, high] = bitRange(
    bits!.data[0],
    numberAttribute(node, "signed", 1) === 1,
    numberAttribute(node, "narrow", 0) === 1,
  );
  const meaning = meaningOf(scale!, zero!, channelAxis(scale!.shape));
  const { scales, zeros } = meaning, at = along(meaning, x!.shape);
  const data = x!.data.map((value, i) => {
    const steps = roundings[mode](value / scales[at[i]] + zeros[at[i]]);
    return (Math.min(Math.max(steps, low), high) - zeros[at[i]]) *
      scales[at[i]];
  });
  return { type: "float", shape: x!.shape, data };
};

export const quantisedConstants: Readonly<Record<string, Rule>> = {
  QuantizeLinear: quantizeLinear,
  DequantizeLinear: (node, [x, scale, zero]) =>
    realConstant(
      x!,
      meaningOf(scale!, zero ?? null, numberAttribute(node, "axis", 1)),
    ),
  Quant: quant,
  BipolarQuant: (_, [x, scale]) => ({
    ...x!,
    data: x!.data.map((v) => v >= 0 ? scale!.data[0] : -scale!.data[0]),
  }),
};
