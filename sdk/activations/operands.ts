/**
 * Steps that join values: two activations, or the values along some axes.
 *
 * @module
 */
import { elementCount } from "../fixed_point/integer_tensor.ts";
import type { Combination, GatewayStep } from "../wire/plan.ts";

type Matmul = Extract<GatewayStep, { op: "matmul" }>;
type Reduction = Extract<GatewayStep, { op: "reduce" }>;
type Shapes = { shape: readonly number[]; withShape: readonly number[] };

/** The name of the earlier activation that a step reads beside its values; null for none. */
export function operandOf(step: GatewayStep): string | null {
  switch (step.op) {
    case "combine":
    case "matmul":
      return step.with;
    case "take":
      return step.from;
    default:
      return null;
  }
}

/** Whether a step goes by where elements stand, so that they cannot trade places before it. */
export function namesPlaces({ op }: GatewayStep): boolean {
  return op === "transpose" || op === "keep" || op === "take" ||
    op === "combine" || op === "matmul" || op === "reduce";
}

/**
 * The shape that two shapes of as many axes are repeated to.
 *
 * @throws {RangeError} if they do not fit together
 */
export function commonShape(
  left: readonly number[],
  right: readonly number[],
): number[] {
  const fits = left.length === right.length &&
    left.every((extent, axis) =>
      extent === right[axis] || extent === 1 || right[axis] === 1
    );
  if (!fits) {
    throw new RangeError(
      `Cannot combine: expected shapes that fit, got [${left}] and [${right}]`,
    );
  }
  return left.map((extent, axis) => Math.max(extent, right[axis]));
}

/**
 * Shape of the matrix products.
 *
 * @throws {RangeError} if rows and columns or leading axes do not fit
 */
export function productShape({ shape, withShape }: Shapes): number[] {
  const [rows, inner] = shape.slice(-2);
  const [others, columns] = withShape.slice(-2);
  if (shape.length < 2 || withShape.length < 2 || inner !== others) {
    throw new RangeError(
      `Cannot multiply: expected matrices that fit, got [${shape}] and [${withShape}]`,
    );
  }
  const lead = commonShape(shape.slice(0, -2), withShape.slice(0, -2));
  return [...lead, rows, columns];
}

/**
 * Shape of a reduction.
 *
 * @throws {RangeError} if its axes are not axes of the shape, each once
 */
export function reducedShape(
  { shape, axes }: Pick<Reduction, "shape" | "axes">,
): number[] {
  const isSound = new Set(axes).size === axes.length &&
    axes.every((axis) => axis < shape.length);
  if (!isSound) {
    throw new RangeError(
      `Cannot reduce: expected axes of [${shape}], got [${axes}]`,
    );
  }
  return shape.map((extent, axis) => axes.includes(axis) ? 1 : extent);
}

/** One value from two; total on exact integers. */
export function combination(
  how: Combination,
): (x: number, y: number) => number {
  switch (how.by) {
    case "sum": {
      const [first, second] = how.factors;
      return (x, y) => x * first + y * second;
    }
    case "product":
      return (x, y) => x * y;
    case "quotient": {
      const { multiplier } = how;
      // Exact as long as |y * multiplier| + d stays below 2^53.
      return (x, y) => {
        const divisor = Math.max(x, 1);
        return Math.floor(
          (y * multiplier + Math.floor(divisor / 2)) / divisor,
        );
      };
    }
  }
}

/** For each element of `to`, row-major, the element of `shape` that is repeated there. */
export function repeatedFrom(
  shape: readonly number[],
  to: readonly number[],
): Int32Array {
  let places = new Int32Array(1);
  shape.forEach((extent, axis) => {
    const stride = extent === 1 ? 0 : elementCount(shape.slice(axis + 1));
    const all = new Int32Array(places.length * to[axis]);
    let next = 0;
    for (const place of places) {
      for (let at = 0; at < to[axis]; at++) all[next++] = place + at * stride;
    }
    places = all;
  });
  return places;
}

/** A function of the values and the other activation's. */
export function combiner(
  { shape, withShape, ...how }: Shapes & Combination,
): (values: Float64Array, others: Float64Array) => Float64Array {
  const f = combination(how), to = commonShape(shape, withShape);
  const left = repeatedFrom(shape, to), right = repeatedFrom(withShape, to);
  return (values, others) => {
    const results = new Float64Array(left.length);
    for (let i = 0; i < results.length; i++) {
      results[i] = f(values[left[i]], others[right[i]]) + 0; // no -0
    }
    return results;
  };
}

/** Matrix products of the values and the other activation's. */
export function multiplier(
  { shape, withShape }: Pick<Matmul, "shape" | "withShape">,
): (values: Float64Array, others: Float64Array) => Float64Array {
  const [rows, columns] = productShape({ shape, withShape }).slice(-2);
  const inner = shape[shape.length - 1];
  const [leftLead, rightLead] = [shape, withShape].map((s) => s.slice(0, -2));
  const lead = commonShape(leftLead, rightLead);
  const left = repeatedFrom(leftLead, lead);
  const right = repeatedFrom(rightLead, lead);
  return (values, others) => {
    const results = new Float64Array(left.length * rows * columns);
    let next = 0;
    for (let block = 0; block < left.length; block++) {
      const from = left[block] * rows * inner;
      const other = right[block] * inner * columns;
      for (let row = 0; row < rows; row++) {
        for (let column = 0; column < columns; column++) {
          let sum = 0;
          for (let i = 0; i < inner; i++) {
            sum += values[from + row * inner + i] *
              others[other + i * columns + column];
          }
          results[next++] = sum + 0;
        }
      }
    }
    return results;
  };
}

/** The values joined along axes. */
export function reducer(
  { by, shape, axes }: Pick<Reduction, "by" | "shape" | "axes">,
): (values: Float64Array) => Float64Array {
  const reduced = reducedShape({ shape, axes });
  const to = repeatedFrom(reduced, shape), count = elementCount(reduced);
  const joined: (a: number, b: number) => number = by === "sum"
    ? (a, b) => a + b
    : by === "max"
    ? Math.max
    : Math.min;
  return (values) => {
    const results = new Float64Array(count).fill(
      by === "sum" ? 0 : by === "max" ? -Infinity : Infinity,
    );
    for (let i = 0; i < values.length; i++) {
      results[to[i]] = joined(results[to[i]], values[i]);
    }
    return results;
  };
}

/** floor(sqrt(max(x, 0) + addend)): exact below 2^52. */
export function squareRoot(
  values: Float64Array,
  addend: number,
): Float64Array {
  return values.map((x) => Math.floor(Math.sqrt(Math.max(x, 0) + addend)));
}
