/**
 * Tensors of the plain evaluator, and how their elements are addressed.
 *
 * @module
 */
import type { Tensor } from "../onnx/tensor.ts";

export function size(shape: readonly number[]): number {
  let product = 1;
  for (const length of shape) product *= length;
  return product;
}

export function tensor(
  shape: number[],
  data: Float64Array,
  type: Tensor["type"] = "float",
): Tensor {
  return { type, shape, data };
}

/** A tensor whose element at each place is that of the source named by `from`. */
export function moveElements(
  x: Tensor,
  shape: number[],
  from: (place: number[]) => number[] | null,
  fill = 0,
): Tensor {
  const data = new Float64Array(size(shape));
  eachPlace(shape, (place, i) => {
    const source = from(place);
    data[i] = source ? x.data[offsetOf(x.shape, source)] : fill;
  });
  return tensor(shape, data, x.type);
}

/** Visits all places of a shape, row-major. */
export function eachPlace(
  shape: readonly number[],
  visit: (place: number[], i: number) => void,
): void {
  const place = shape.map(() => 0), count = size(shape);
  for (let i = 0; i < count; i++) {
    visit(place, i);
    let axis = shape.length - 1;
    while (axis >= 0 && ++place[axis] === shape[axis]) place[axis--] = 0;
  }
}

export function offsetOf(
  shape: readonly number[],
  place: readonly number[],
): number {
  let offset = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    if (place[axis] < 0 || place[axis] >= shape[axis]) {
      throw new RangeError(
        `Cannot evaluate: [${place}] lies outside of [${shape}]`,
      );
    }
    offset = offset * shape[axis] + place[axis];
  }
  return offset;
}

/** The shape that both stretch to. */
export function stretchShapes(
  a: readonly number[],
  b: readonly number[],
): number[] {
  const shape: number[] = [];
  for (let back = 1; back <= Math.max(a.length, b.length); back++) {
    const left = a[a.length - back] ?? 1, right = b[b.length - back] ?? 1;
    if (left !== right && left !== 1 && right !== 1) {
      throw new RangeError(
        `Cannot evaluate: [${a}] and [${b}] do not fit together`,
      );
    }
    shape.unshift(left === 1 ? right : left);
  }
  return shape;
}

/** `x` repeated along its axes of length 1. */
export function stretch(x: Tensor, shape: number[]): Tensor {
  if (x.shape.join() === shape.join()) return x;
  const lead = shape.length - x.shape.length;
  return moveElements(
    x,
    shape,
    (place) => x.shape.map((n, axis) => n === 1 ? 0 : place[axis + lead]),
  );
}

export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}
