/**
 * Operations of the gateway that join values, on real numbers.
 *
 * @module
 */
import {
  combiner,
  multiplier,
  reducedShape,
  reducer,
  repeatedFrom,
} from "../../sdk/activations/operands.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import type { JoinOperation } from "./ir.ts";

type Live = Map<string, ArrayLike<number>>;
type Along = Extract<JoinOperation, { op: "normalise" | "softmax" }>;

/**
 * One operation on one sample.
 *
 * @param live earlier activations of the sample; one that is kept is added
 */
export function applyJoin(
  x: Float64Array,
  step: JoinOperation,
  live: Live,
): Float64Array {
  const other = (name: string) => Float64Array.from(live.get(name)!);
  switch (step.op) {
    case "keep":
      live.set(step.as, x);
      return x;
    case "take": {
      const end = step.start + elementCount(step.shape);
      return other(step.from).slice(step.start, end);
    }
    case "combine": {
      if (step.by !== "quotient") return combiner(step)(x, other(step.with));
      const inverse = x.map((divisor) => 1 / divisor);
      return combiner({ ...step, by: "product" })(inverse, other(step.with));
    }
    case "matmul":
      return multiplier(step)(x, other(step.with));
    case "reduce":
      return reducer(step)(x);
    case "repeat": {
      const { shape, times } = step;
      const to = shape.map((extent, axis) => extent * times[axis]);
      const from = repeatedFrom(shape, to);
      return Float64Array.from(from, (at) => x[at]);
    }
    case "softmax": {
      const largest = alongAll(x, step, "max");
      const powers = x.map((value, i) => Math.exp(value - largest[i]));
      const sums = alongAll(powers, step, "sum");
      return powers.map((power, i) => power / sums[i]);
    }
    case "normalise": {
      const count = elementCount(step.axes.map((axis) => step.shape[axis]));
      const means = alongAll(x, step, "sum").map((sum) => sum / count);
      const centred = step.centred ? x.map((v, i) => v - means[i]) : x;
      const squares = alongAll(centred.map((v) => v * v), step, "sum");
      return centred.map((v, i) =>
        v === 0 ? 0 : v / Math.sqrt(squares[i] / count + step.epsilon)
      );
    }
  }
}

/** The values joined along axes, at the place of each value. */
function alongAll(
  x: Float64Array,
  { shape, axes }: Along,
  by: "sum" | "max",
): Float64Array {
  const joined = reducer({ by, shape, axes })(x);
  const from = repeatedFrom(reducedShape({ shape, axes }), shape);
  return Float64Array.from(from, (at) => joined[at]);
}
