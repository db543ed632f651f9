/**
 * Constants of an ONNX graph as row-major arrays.
 *
 * @module
 */
/**
 * A constant of an ONNX graph: row-major, every element type held as a double
 * (exact for all integers that models use; int64 sentinels such as the end of a
 * slice lose low bits only far beyond any length).
 */
export interface Tensor {
  type: "float" | "integer" | "boolean" | "string";
  shape: number[];
  data: Float64Array;
  /** Least and greatest number of its type, of integers of 16 bits at most. */
  range?: readonly [low: number, high: number];
}

/** Ranges of ONNX's short integers, by TensorProto.DataType. */
export const shortRanges: Readonly<
  Record<number, readonly [low: number, high: number]>
> = {
  2: [0, 255],
  3: [-128, 127],
  4: [0, 65535],
  5: [-32768, 32767],
};

/** Longest tensor that is computed, in elements: a few bytes of a file may ask for any. */
export const maxElements = 2 ** 24;

/** Elements of a tensor of this shape; 1 for a scalar's []. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

/** Elements from one index to the next along each axis, row-major. */
export function stridesOf(shape: readonly number[]): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/**
 * Elements of a tensor that is about to be made.
 *
 * @throws {RangeError} where a length is no whole number, or there are more than 2^24
 */
export function checkedSize(shape: readonly number[]): number {
  const size = sizeOf(shape);
  const whole = shape.every((length) =>
    Number.isInteger(length) && length >= 0
  );
  if (!whole || size > maxElements) {
    throw new RangeError(
      `Cannot make a tensor of shape [${shape}]: expected at most ${maxElements} elements`,
    );
  }
  return size;
}

/** A float tensor of one value, or of a list. */
export function floats(values: number | ArrayLike<number>): Tensor {
  return typeof values === "number"
    ? { type: "float", shape: [], data: Float64Array.of(values) }
    : {
      type: "float",
      shape: [values.length],
      data: Float64Array.from(values),
    };
}

/** An integer tensor of one axis. */
export function integers(values: ArrayLike<number>): Tensor {
  return {
    type: "integer",
    shape: [values.length],
    data: Float64Array.from(values),
  };
}

/**
 * The shape that two shapes broadcast to (ONNX multidirectional broadcasting).
 *
 * @throws {RangeError} where they do not broadcast
 */
export function broadcastShapes(
  left: readonly number[],
  right: readonly number[],
): number[] {
  const rank = Math.max(left.length, right.length);
  return Array.from({ length: rank }, (_, axis) => {
    const a = left[axis - rank + left.length] ?? 1;
    const b = right[axis - rank + right.length] ?? 1;
    if (a !== b && a !== 1 && b !== 1) {
      throw new RangeError(
        `Cannot broadcast shapes [${left}] and [${right}]: axis ${axis} is ${a} against ${b}`,
      );
    }
    return a === 1 ? b : a;
  });
}

/**
 * For each element of `shape`, the place of the element of `from` that broadcasts
 * to it.
 */
export function broadcastIndex(
  from: readonly number[],
  shape: readonly number[],
): Int32Array {
  const strides = stridesOf(from);
  const lead = shape.length - from.length;
  const steps = shape.map((_, axis) =>
    axis < lead || from[axis - lead] === 1 ? 0 : strides[axis - lead]
  );
  return gridIndex(shape, steps, 0);
}

/** offset + sum of index * step, for each index of `shape` in row-major order. */
export function gridIndex(
  shape: readonly number[],
  steps: readonly number[],
  offset: number,
): Int32Array {
  const index = new Int32Array(checkedSize(shape));
  const at = new Array<number>(shape.length).fill(0);
  let place = offset;
  for (let i = 0; i < index.length; i++) {
    index[i] = place;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      place += steps[axis];
      if (++at[axis] < shape[axis]) break;
      place -= steps[axis] * shape[axis];
      at[axis] = 0;
    }
  }
  return index;
}
