/**
 * Moving the axes of a tensor: channel shuffles, and space to depth and back.
 *
 * @module
 */
import { elementCount } from "../fixed_point/integer_tensor.ts";

/**
 * Shape after a transpose.
 *
 * @param shape that the values are seen in
 * @param order for each axis of the result, the axis of `shape` that it is
 * @throws {RangeError} if `order` does not name every axis once
 */
export function transposedShape(shape: number[], order: number[]): number[] {
  const axes = order.toSorted((a, b) => a - b);
  if (
    order.length !== shape.length || axes.some((axis, i) => axis !== i)
  ) {
    throw new RangeError(
      `Cannot transpose: expected an order of ${shape.length} axes, got [${
        order.join(", ")
      }]`,
    );
  }
  return order.map((axis) => shape[axis]);
}

/** For each element of the result, row-major, the element that it was. */
export function transposedFrom(shape: number[], order: number[]): Int32Array {
  const to = transposedShape(shape, order);
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  let from = new Int32Array(1);
  to.forEach((extent, axis) => {
    if (extent > 1) from = alongAxis(from, extent, strides[order[axis]]);
  });
  return from;
}

/** Each place, then those `stride` further on, up to `extent` in all. */
function alongAxis(places: Int32Array, extent: number, stride: number) {
  const all = new Int32Array(places.length * extent);
  let next = 0;
  for (let i = 0; i < places.length; i++) {
    for (let along = 0; along < extent; along++) {
      all[next++] = places[i] + along * stride;
    }
  }
  return all;
}

/** The values at these places. */
export function valuesAt(
  values: Float64Array,
  places: Int32Array,
): Float64Array {
  const moved = new Float64Array(places.length);
  for (let i = 0; i < places.length; i++) moved[i] = values[places[i]];
  return moved;
}
