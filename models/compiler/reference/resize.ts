/**
 * Resize and Upsample to the nearest element, by their definition.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { listAttribute, text } from "./attributes.ts";
import { moveElements } from "./tensors.ts";

/** Place in the source of place `x`, not yet rounded. */
function coordinate(
  mode: string,
  x: number,
  { from, to, scale }: { from: number; to: number; scale: number },
): number {
  switch (mode) {
    case "asymmetric":
      return x / scale;
    case "align_corners":
      return to === 1 ? 0 : x * (from - 1) / (to - 1);
    case "pytorch_half_pixel":
      return to === 1 ? 0 : (x + .5) / scale - .5;
    case "tf_half_pixel_for_nn":
      return (x + .5) / scale;
    case "half_pixel":
      return (x + .5) / scale - .5;
    default:
      throw new RangeError(`Cannot evaluate: Resize by ${mode} is not known`);
  }
}

function nearest(mode: string, x: number): number {
  const below = Math.floor(x), rest = x - below;
  switch (mode) {
    case "floor":
      return below;
    case "ceil":
      return rest > 0 ? below + 1 : below;
    case "round_prefer_ceil":
      return rest >= .5 ? below + 1 : below;
    case "round_prefer_floor":
      return rest > .5 ? below + 1 : below;
    default:
      throw new RangeError(`Cannot evaluate: Resize by ${mode} is not known`);
  }
}

export function resizeNearest(
  node: OnnxNode,
  inputs: (Tensor | null)[],
  opset: number,
): Tensor {
  const [x] = inputs as [Tensor];
  const isEarly = node.operator === "Upsample" || opset < 11;
  if (text(node, "mode", "nearest") !== "nearest") {
    throw new RangeError("Cannot evaluate: Resize is known to the nearest");
  }
  const given = inputs[isEarly ? 1 : 2]?.data;
  const scales = given ?? listAttribute(node, "scales") ?? [];
  const sizes = isEarly ? null : inputs[3]?.data ?? null;
  const shape = x.shape.map((from, axis) =>
    sizes ? sizes[axis] : Math.floor(from * scales[axis])
  );
  const move = isEarly
    ? "asymmetric"
    : text(node, "coordinate_transformation_mode", "half_pixel");
  const round = isEarly
    ? "floor"
    : text(node, "nearest_mode", "round_prefer_floor");
  return moveElements(x, shape, (place) =>
    place.map((at, axis) => {
      const from = x.shape[axis], to = shape[axis];
      if (from === to && !(scales[axis] !== 1 && !sizes)) return at;
      const scale = sizes ? to / from : scales[axis];
      const found = nearest(round, coordinate(move, at, { from, to, scale }));
      return Math.max(0, Math.min(from - 1, found));
    }));
}
