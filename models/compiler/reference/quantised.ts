/**
 * Operators of quantised models, by their definitions.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import { number, text } from "./attributes.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { axisOf, stretch, tensor } from "./tensors.ts";
import { convolution } from "./windows.ts";

type Rule = (node: OnnxNode, inputs: (Tensor | null)[]) => Tensor;

/** To the nearest integer, of two the even one; sums in doubles blur which are two. */
function nearest(x: number): number {
  const low = Math.floor(x), rest = x - low - .5;
  if (Math.abs(rest) < 1e-9 * (1 + Math.abs(x))) {
    return low % 2 === 0 ? low : low + 1;
  }
  return rest < 0 ? low : low + 1;
}

const limits: Readonly<Record<number, readonly [number, number]>> = {
  2: [0, 255],
  3: [-128, 127],
  4: [0, 65535],
  5: [-32768, 32767],
};

/** A scale or zero point for each element of `like`. */
function each(values: Tensor, like: Tensor, axis: number): Float64Array {
  if (values.data.length === 1) {
    return like.data.map(() => values.data[0]);
  }
  const at = axisOf(axis, like.shape.length);
  const shape = like.shape.map((length, a) => a === at ? length : 1);
  return stretch({ ...values, shape }, like.shape).data;
}

function toIntegers(
  x: Tensor,
  scale: Tensor,
  zero: Tensor | null,
  { axis = 1, type = 0 } = {},
): Tensor {
  const s = each(scale, x, axis);
  const z = zero ? each(zero, x, axis) : x.data.map(() => 0);
  const range = zero?.range ?? limits[type || 2];
  const [low, high] = range;
  const data = x.data.map((value, i) =>
    Math.max(low, Math.min(high, nearest(value / s[i]) + z[i]))
  );
  return { type: "integer", shape: x.shape, data, range };
}

function toReal(
  q: Tensor,
  scale: Tensor,
  zero: Tensor | null,
  axis = 1,
): Tensor {
  const s = each(scale, q, axis);
  const z = zero ? each(zero, q, axis) : null;
  return tensor(
    q.shape,
    q.data.map((value, i) => (value - (z ? z[i] : 0)) * s[i]),
  );
}

/** Integers less their zero points. */
function counted(q: Tensor, zero: Tensor | null, axis: number): Tensor {
  return toReal(q, tensor([1], Float64Array.of(1)), zero, axis);
}

/** qonnx: bounds of integers of so many bits. */
function boundsOf(node: OnnxNode, bits: number): [number, number] {
  const narrow = number(node, "narrow", 0);
  return number(node, "signed", 1)
    ? [-Math.pow(2, bits - 1) + narrow, Math.pow(2, bits - 1) - 1]
    : [0, Math.pow(2, bits) - 1 - narrow];
}

const quant: Rule = (node, [x, scale, zero, bits]) => {
  const [low, high] = boundsOf(node, bits!.data[0]);
  const s = stretch(scale!, x!.shape).data, z = stretch(zero!, x!.shape).data;
  const mode = text(node, "rounding_mode", "ROUND");
  const round = { ROUND: nearest, FLOOR: Math.floor, CEIL: Math.ceil }[mode] ??
    Math.trunc;
  return tensor(
    x!.shape,
    x!.data.map((value, i) => {
      const steps = round(value / s[i] + z[i]);
      return (Math.max(low, Math.min(high, steps)) - z[i]) * s[i];
    }),
  );
};

const requantShift: Rule = (node, [x, mul, add]) => {
  const attribute = (name: string) => {
    const found = node.attributes.get(name);
    if (found?.kind === "tensor") return found.value.data[0];
    return found?.kind === "number" ? found.value : undefined;
  };
  const levels = attribute("n_levels") ?? attribute("n_levels_out")!;
  const low = attribute("signed") ? -levels / 2 : 0;
  const m = stretch(mul!, x!.shape).data, a = stretch(add!, x!.shape).data;
  return tensor(
    x!.shape,
    x!.data.map((value, i) => {
      const steps = (value * m[i] + a[i]) / attribute("div")!;
      const whole = Math.floor(steps + 1e-9 * (1 + Math.abs(steps)));
      return Math.max(low, Math.min(low + levels - 1, whole));
    }),
  );
};

/** @param matMul of real tensors */
export function quantisedOperators(
  matMul: (a: Tensor, b: Tensor) => Tensor,
): Readonly<Record<string, Rule>> {
  return {
    QuantizeLinear: (node, [x, scale, zero]) =>
      toIntegers(x!, scale!, zero ?? null, {
        axis: number(node, "axis", 1),
        type: number(node, "output_dtype", 0),
      }),
    DequantizeLinear: (node, [q, scale, zero]) =>
      toReal(q!, scale!, zero ?? null, number(node, "axis", 1)),
    QLinearConv: (node, inputs) => {
      const [x, xs, xz, w, ws, wz, ys, yz, bias] = inputs;
      const sum = convolution(node, [
        toReal(x!, xs!, xz),
        toReal(w!, ws!, wz, 0),
      ]);
      if (bias) {
        const area = sum.shape.slice(2).reduce((a, b) => a * b, 1);
        sum.data.forEach((value, i) => {
          const c = Math.floor(i / area) % bias.data.length;
          const scale = xs!.data[0] * ws!.data[ws!.data.length > 1 ? c : 0];
          sum.data[i] = value + bias.data[c] * scale;
        });
      }
      return toIntegers(sum, ys!, yz);
    },
    QLinearMatMul: (_, [a, as, az, b, bs, bz, ys, yz]) =>
      toIntegers(
        matMul(toReal(a!, as!, az, -2), toReal(b!, bs!, bz, -1)),
        ys!,
        yz,
      ),
    ConvInteger: (node, [x, w, xz, wz]) =>
      convolution(node, [
        counted(x!, xz ?? null, 0),
        counted(w!, wz ?? null, 0),
      ]),
    MatMulInteger: (_, [a, b, az, bz]) =>
      matMul(counted(a!, az ?? null, -2), counted(b!, bz ?? null, -1)),
    Quant: quant,
    BipolarQuant: (_, [x, scale]) =>
      tensor(
        x!.shape,
        x!.data.map((v) => v < -1e-9 ? -scale!.data[0] : scale!.data[0]),
      ),
    RequantShift: requantShift,
  };
}
