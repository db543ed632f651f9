/**
 * What the integers of quantised models mean: scales, zero points and ranges.
 *
 * @module
 */
import { shortRanges, type Tensor } from "../onnx/tensor.ts";
import { normaliseAxis } from "./shapes.ts";
import { UnsupportedNodeError } from "./unsupported.ts";

/** What integers mean: one scale and zero, or one of each an index of an axis. */
export interface Meaning {
  scales: Float64Array;
  zeros: Float64Array;
  axis: number;
}

/**
 * The meaning that a scale and a zero point say.
 *
 * @throws {UnsupportedNodeError} where a scale is not above 0, or they do not fit together
 */
export function meaningOf(
  scale: Tensor,
  zero: Tensor | null,
  axis: number,
): Meaning {
  const scales = scale.data, zeros = zero?.data ?? scales.map(() => 0);
  const fits = zeros.length === scales.length || zeros.length === 1;
  if (fits && scales.length > 0 && scales.every((s) => s > 0)) {
    const same = zeros.length === scales.length;
    return { scales, zeros: same ? zeros : scales.map(() => zeros[0]), axis };
  }
  throw new UnsupportedNodeError(
    `its ${scales.length} scales and ${zeros.length} zero points are none`,
    "correct the model",
  );
}

/** For each element of a tensor of `shape`, its entry of a list along an axis. */
export function along(
  { axis, scales }: Meaning,
  shape: readonly number[],
): Int32Array {
  const size = shape.reduce((a, b) => a * b, 1);
  if (scales.length === 1) return new Int32Array(size);
  const at = normaliseAxis(axis, shape.length);
  if (shape[at] !== scales.length) {
    throw new UnsupportedNodeError(
      `its ${scales.length} scales do not fit axis ${axis} of [${shape}]`,
      "correct the model",
    );
  }
  const inner = shape.slice(at + 1).reduce((a, b) => a * b, 1);
  return Int32Array.from(
    { length: size },
    (_, i) => Math.floor(i / inner) % scales.length,
  );
}

/** A constant of integers as the real numbers that it means. */
export function realConstant(tensor: Tensor, meaning: Meaning): Tensor {
  const { shape } = tensor, { scales, zeros } = meaning;
  const at = along(meaning, shape);
  const data = tensor.data.map((q, i) => (q - zeros[at[i]]) * scales[at[i]]);
  return { type: "float", shape, data };
}

/** Least and greatest integer. */
export type Range = readonly [low: number, high: number];

/** The integers that a node rounds to: by its zero point's type, which is uint8 if left out. */
export function targetRange(
  zero: Tensor | null | undefined,
  type: number,
): Range {
  const range = zero ? zero.range : shortRanges[type || 2];
  if (range) return range;
  throw new UnsupportedNodeError(
    "it rounds to integers of a type that is not known",
    "quantise to integers of 8 or 16 bits",
  );
}

/** Integers of so many bits. */
export function bitRange(
  bits: number,
  signed: boolean,
  narrow: boolean,
): Range {
  if (!Number.isInteger(bits) || bits < 1 || bits > 32) {
    throw new UnsupportedNodeError(
      `its width of ${bits} bits is none`,
      "correct the model",
    );
  }
  const skipped = Number(narrow);
  return signed
    ? [-(2 ** (bits - 1)) + skipped, 2 ** (bits - 1) - 1]
    : [0, 2 ** bits - 1 - skipped];
}

/** The axis, counted from the end, along which scales that broadcast differ. */
export function channelAxis(shape: readonly number[]): number {
  return shape.findIndex((length) => length > 1) - shape.length;
}
