/**
 * Which cells a pooling step joins, window by window.
 *
 * @module
 */
import {
  countedCells,
  type MapShape,
  pooledShape,
  type PoolWindow,
} from "../../activations/pooling.ts";
import { transposedFrom } from "../../activations/transpose.ts";
import type { GatewayStep } from "../../wire/plan.ts";

/** A step each of whose results follows from some elements; of a transpose from one. */
export type JoiningStep = Extract<
  GatewayStep,
  { op: "sumPool" | "meanPool" | "maxPool" | "transpose" }
>;

/** A window: its cells within the map, and what their sum is multiplied by. */
export interface Window {
  cells: number[];
  factor: number;
}

/** The windows of one sample, in the order of the pooled elements. */
export function windowsOf(
  step: JoiningStep,
  shape: readonly number[],
): Window[] {
  if (step.op === "transpose") {
    return Array.from(
      transposedFrom(step.shape, step.order),
      (cell) => ({ cells: [cell], factor: 1 }),
    );
  }
  const map: MapShape = shape.length === 2
    ? [shape[0], 1, shape[1]]
    : [shape[0], shape[1], shape[2]];
  const [channels, height, width] = map;
  const [, rows, columns] = pooledShape(map, step);
  const down = step.op === "meanPool" ? countedCells(map, step, rows, 0) : [];
  const across = step.op === "meanPool"
    ? countedCells(map, step, columns, 1)
    : [];
  const windows: Window[] = [];
  for (let channel = 0; channel < channels; channel++) {
    for (let oy = 0; oy < rows; oy++) {
      for (let ox = 0; ox < columns; ox++) {
        const ys = inside(step, 0, oy, height), xs = inside(step, 1, ox, width);
        windows.push({
          cells: ys.flatMap((y) =>
            xs.map((x) => (channel * height + y) * width + x)
          ),
          factor: step.op === "meanPool"
            ? step.multiple / (down[oy] * across[ox])
            : 1,
        });
      }
    }
  }
  return windows;
}

/** Places of a window along one axis that lie within the map. */
function inside(
  { kernel, stride, pads, ...rest }: PoolWindow,
  axis: 0 | 1,
  window: number,
  size: number,
): number[] {
  const step = rest.dilation?.[axis] ?? 1;
  return Array.from(
    { length: kernel[axis] },
    (_, k) => window * stride[axis] - pads[axis] + k * step,
  ).filter((place) => place >= 0 && place < size);
}
