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
  const steps = order.map((axis) => strides[axis]);
  const place = to.map(() => 0);
  let from = 0;
  return Int32Array.from({ length: elementCount(shape) }, () => {
    const at = from;
    for (let axis = to.length - 1; axis >= 0; axis--) {
      from += steps[axis];
      if (++place[axis] < to[axis]) break;
      from -= steps[axis] * to[axis];
      place[axis] = 0;
    }
    return at;
  });
}
