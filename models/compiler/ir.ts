/**
 * The network between ONNX and integers: rounds of linear maps in floating point
 * and what the gateway does between them. Everything is per
 * sample and row-major; a tensor is its flat elements, seen through a shape.
 *
 * @module
 */

import type { ScoreDisplay } from "../../sdk/wire/values.ts";

/** [channels, height, width]; height 1 for signals. */
export type Grid = [channels: number, height: number, width: number];

/**
 * A window moving over a grid. Cells outside of the grid are left out of maxima and
 * count as zero in sums.
 */
export interface Window {
  input: Grid;
  output: Grid;
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  /** May be negative (cropping). */
  pads: [top: number, left: number, bottom: number, right: number];
}

/** Cross-correlation with zero padding, weights [out, in/groups, kh, kw]. */
export interface Convolution extends Window {
  kind: "convolution";
  groups: number;
  weights: Float64Array;
}

/** y = W x, weights [rows, columns]. */
export interface Matrix {
  kind: "matrix";
  rows: number;
  columns: number;
  weights: Float64Array;
}

/** y[i] = x[index[i]], 0 where the index is -1. */
export interface Selection {
  kind: "selection";
  columns: number;
  index: Int32Array;
}

export type LinearMap = Convolution | Matrix | Selection;

/** One addend of a round: a map of an activation. */
export interface FloatTerm {
  reads: string;
  map: Convolution | Matrix;
}

export interface FloatRound {
  /** Name of the ONNX node that ends it. */
  name: string;
  /** All convolutions with one output grid, or all matrices. */
  terms: FloatTerm[];
  /** [C, H, W] for convolutions, [length] for matrices. */
  shape: number[];
  /** One an element of `shape`. */
  bias: Float64Array;
  gateway: GatewayOperation[];
  /** Name and shape of the activation that the gateway makes. */
  writes: string;
  writesShape: number[];
}

/** A step of the gateway, on real numbers. */
export type GatewayOperation =
  | { op: "relu" }
  /** x < 0 ? slope * x : x; one slope, or one a channel (the leading axis of the shape). */
  | { op: "leakyRelu"; slopes: Float64Array }
  | { op: "clip"; low: number; high: number }
  /** To the nearest multiple of a scale. */
  | ({ op: "quantise" } & IntegerGrid)
  /** x < 0 ? -scale : scale. */
  | { op: "sign"; scale: number }
  /** Any function of one variable. */
  | { op: "function"; name: string; apply: (x: number) => number }
  | { op: "maxPool"; window: Window }
  | JoinOperation
  /** The elements, seen as `shape`, with axis order[i] in the place of axis i. */
  | { op: "transpose"; shape: number[]; order: number[] }
  /** Sum over the window divided by the cells of it that lie within the grid extended by `counted` cells. */
  | {
    op: "averagePool";
    window: Window;
    counted: [top: number, left: number, bottom: number, right: number];
  };

/** A step of the gateway that joins activations, or values along some axes. */
export type JoinOperation =
  /** The values are also an activation of that name. */
  | { op: "keep"; as: string }
  /** Part of an earlier activation in the values' place. */
  | { op: "take"; from: string; start: number; shape: number[] }
  | (OfTwo & { op: "combine" } & RealCombination)
  /** Matrix products of the values and the other activation. */
  | (OfTwo & { op: "matmul" })
  | ({ op: "reduce"; by: "sum" | "max" | "min" } & Along)
  /** Each element, seen as `shape`, so many times along each axis. */
  | { op: "repeat"; shape: number[]; times: number[] }
  /** exp(x) over its sum along the axes. */
  | ({ op: "softmax" } & Along)
  /** x, where `centred` less its mean, over sqrt(mean(x^2) + epsilon) along the axes. */
  | ({ op: "normalise"; centred: boolean; epsilon: number } & Along);

/** Axes of the values, seen as `shape`. */
export interface Along {
  shape: number[];
  axes: number[];
}

/** An earlier activation `with`, seen as `withShape`, beside the values, seen as `shape`. */
export interface OfTwo {
  with: string;
  shape: number[];
  withShape: number[];
}

/** What becomes of a value x and the other activation's y. */
export type RealCombination =
  /** x * factors[0] + y * factors[1]. */
  | { by: "sum"; factors: [x: number, y: number] }
  | { by: "product" }
  /** y / x. */
  | { by: "quotient" };

const joinOperations: ReadonlySet<GatewayOperation["op"]> = new Set([
  ...["keep", "take", "combine", "matmul", "reduce"] as const,
  ...["repeat", "softmax", "normalise"] as const,
]);

/** Whether the operation joins activations, or values along some axes. */
export function isJoin(
  operation: GatewayOperation,
): operation is JoinOperation {
  return joinOperations.has(operation.op);
}

/** The earlier activation that an operation reads beside its values; null for none. */
export function operandOf(operation: GatewayOperation): string | null {
  switch (operation.op) {
    case "combine":
    case "matmul":
      return operation.with;
    case "take":
      return operation.from;
    default:
      return null;
  }
}

/** Names of the activations that a round makes: what it keeps on the way, and what it writes. */
export function writtenBy({ gateway, writes }: FloatRound): string[] {
  const kept = gateway.flatMap((step) => step.op === "keep" ? [step.as] : []);
  return [...kept, writes];
}

/** Multiples of a scale, from low * scale to high * scale. */
export interface IntegerGrid {
  scale: number;
  low: number;
  high: number;
  /** Where a value half-way between two goes. */
  ties: "even" | "up";
}

/** What the model takes: the activation of that name is reading * gain + offset. */
export interface FloatInput {
  name: string;
  /** Shape of one sample as the model's user gives it. */
  shape: number[];
  gain: number;
  offset: number;
  /** To which the model itself rounds the activation; null: the compiler chooses. */
  grid: IntegerGrid | null;
}

/** What the model gives: an activation, whole. */
export interface FloatOutput {
  name: string;
  tensor: string;
  /** The tensor of the ONNX graph that it is: ahead of what is left to the display. */
  end: string;
  /** Shape of one sample. */
  shape: number[];
  /** The output is the activation / unit + zero: integers, of quantised models. */
  unit: number;
  zero: number;
  tail: ScoreDisplay;
}

export interface FloatNetwork {
  inputs: FloatInput[];
  rounds: FloatRound[];
  outputs: FloatOutput[];
}

/** Whether an output is what the round gives, and no other round reads it: it is not narrowed. */
export function givesScores(
  { rounds, outputs }: FloatNetwork,
  { writes }: FloatRound,
): boolean {
  return outputs.some(({ tensor }) => tensor === writes) &&
    !rounds.some(({ terms, gateway }) =>
      terms.some(({ reads }) => reads === writes) ||
      gateway.some((operation) => operandOf(operation) === writes)
    );
}

/** Whether the operation leaves one of a few multiples of a scale that the model says. */
export function roundsToScale(
  operation: GatewayOperation,
): operation is Extract<GatewayOperation, { op: "quantise" | "sign" }> {
  return operation.op === "quantise" || operation.op === "sign";
}

/** Elements of a grid. */
export function gridSize(grid: Grid): number {
  return grid[0] * grid[1] * grid[2];
}
