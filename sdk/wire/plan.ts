/**
 * The plan of an inference as the gateway receives it at session start: where every
 * value lies in the plaintexts of each round, and what the gateway does between
 * rounds. It tells geometry, never weights.
 *
 * @module
 */
import type { ModelInterface } from "./values.ts";

/**
 * A round over images (2-D; 1-D signals have height 1): slot (ty, tx) of a
 * plaintext is a tile of the output grid.
 *
 * With `samples` = n, grid [gy, gx]: one value block has gy*gx*n slots; slot of
 * tile (ty, tx), sample s is (ty*gx + tx)*n + s.
 *
 * Input ciphertexts, in order: for each input, for each channel c, for each
 * offset psi: slot (ty, tx) holds the tensor at
 * (psi_y + step_y*ty, psi_x + step_x*tx), zero outside of it. An offset that is
 * not listed holds zero in all slots: it is not sent and contributes nothing.
 * Inputs stand in the order of the round's terms, one for each.
 *
 * Output values, in order: value v = channel*th*tw + phase, phase = py*tw + px;
 * its slot (ty, tx) is the output at (th*ty + py, tw*tx + px): the sum over kernel
 * offsets delta of weight * offset psi = stride*phase + dilation*delta - pad.
 * Positions outside the output grid are ignored. `valuesPerCiphertext` values follow each other in
 * one answer, block after block, lowest first; the last answer may hold fewer.
 */
export interface SpatialLayout {
  /** Tells it from a dense layout. */
  kind: "spatial";
  /** Samples side by side in the slots. */
  samples: number;
  /** Outputs of a tile. */
  tile: [height: number, width: number];
  /** Tiles that cover the output. */
  grid: [rows: number, columns: number];
  /** What the round reads: one for each term. */
  inputs: SpatialInput[];
  /** Shape of one sample's accumulators. */
  output: [channels: number, height: number, width: number];
  /** Bits of one slot. */
  slotBits: number;
  /** Values in an answer; the last may hold fewer. */
  valuesPerCiphertext: number;
}

/** An activation as the tiles of a round read it. */
export interface SpatialInput {
  /** Name of the activation that is read. */
  tensor: string;
  /** Its shape for one sample. */
  shape: [channels: number, height: number, width: number];
  /** Input rows and columns from one tile to the next: stride * tile. */
  step: [y: number, x: number];
  /** Input position, relative to the tile's origin, that each ciphertext carries (may be negative: padding). */
  offsets: [y: number, x: number][];
}

/**
 * A round over vectors. The inputs are concatenated to one vector x of length I.
 * `fold` = k consecutive elements share a ciphertext: ciphertext g holds element
 * g*k + j, sample s, in slot j*n + s. The cloud shifts copies of it so that all k
 * terms of a product meet in the block of n slots at (k-1)*n: element g*k + j is
 * read from C^(2^(slotBits*n*(k-1-j))). The 2k-2 other blocks are garbage: those
 * below lie under the useful block of the same value, those above under that of
 * the next value (or, in the last value of an answer, spill above the used slots).
 *
 * Output value v (element v of y): its block of n useful slots starts at slot
 * (v*k + k-1)*n of its answer, v counted within the answer. Where k > 1 the cloud
 * doubles the whole sum and adds to every garbage slot below the used bits a
 * uniform mask in [0, 2^slotBits); the useful slots then carry twice the value plus
 * a carry of 0 or 1: halve, rounding down (`guardBits` = 1). The carry stays in
 * {0, 1} since garbage joins parts of two rows, each part within 2V (V the round's
 * bound, where a bias may hide half of a part): slotBits = 1 + ceil(log2(2*4V + 2)).
 */
export interface DenseLayout {
  /** Tells it from a spatial layout. */
  kind: "dense";
  /** Samples side by side in the slots. */
  samples: number;
  /** Input elements that share a ciphertext. */
  fold: number;
  /** Activations that are concatenated: one for each term. */
  inputs: { tensor: string; length: number }[];
  /** Elements of one sample's accumulators. */
  outputLength: number;
  /** Bits of one slot. */
  slotBits: number;
  /** Bits below each value, to be dropped. */
  guardBits: 0 | 1;
  /** Values in an answer; the last may hold fewer. */
  valuesPerCiphertext: number;
}

/**
 * Answers carry, in every slot s below the used bits, value + 2^(slotBits-1): the
 * offset that keeps slots non-negative (it is also added to the spill slots above).
 * Used bits U = slots * slotBits; whatever lies above U is the cloud's mask and is
 * dropped. Samples of a plaintext are independent; an unused sample is all zeros.
 */
export type RoundLayout = SpatialLayout | DenseLayout;

/**
 * What the gateway does with decrypted accumulators, in order, on exact integers of
 * magnitude below 2^53. Shapes are per sample.
 */
export type GatewayStep =
  | { op: "relu" }
  /** x < 0 ? x*negative : x*positive; one negative slope, or one a channel (the leading axis). */
  | { op: "leakyRelu"; positive: number; negative: number[] }
  /** Adds up windows; zero padding; ceil mode is expressed by larger pads. */
  | {
    op: "sumPool";
    kernel: [number, number];
    stride: [number, number];
    pads: [top: number, left: number, bottom: number, right: number];
  }
  /**
   * `multiple` times the mean of each window, over those of its cells that lie
   * within the tensor extended by `counted` on each side (cells outside of the
   * tensor are 0). Exact: `multiple` is a multiple of every such count.
   */
  | {
    op: "meanPool";
    kernel: [number, number];
    stride: [number, number];
    pads: [top: number, left: number, bottom: number, right: number];
    counted: [top: number, left: number, bottom: number, right: number];
    multiple: number;
  }
  | {
    op: "maxPool";
    kernel: [number, number];
    stride: [number, number];
    dilation: [number, number];
    pads: [top: number, left: number, bottom: number, right: number];
  }
  /** clamp(floor((x*multiplier + 2^(shift-1)) / 2^shift), low, high). */
  | {
    op: "requantise";
    multiplier: number;
    shift: number;
    low: number;
    high: number;
  }
  /** x -> table[clamp(floor((x*multiplier + 2^(shift-1)) / 2^shift), low, low + table.length - 1) - low]. */
  | {
    op: "lookup";
    multiplier: number;
    shift: number;
    low: number;
    table: number[];
  }
  | { op: "reshape"; shape: number[] }
  /** The values, seen as `shape`, with axis order[i] in the place of axis i. */
  | { op: "transpose"; shape: number[]; order: number[] }
  /** The values stay; as activation `as` they can also be read later on. */
  | { op: "keep"; as: string }
  /** Elements `start` and on of activation `from`, seen as `shape`, in the values' place. */
  | { op: "take"; from: string; start: number; shape: number[] }
  /**
   * Each value x, seen as `shape`, and the value y of activation `with`, seen as
   * `withShape`, at the same place; axes of extent 1 are repeated.
   */
  | (
    & { op: "combine"; with: string; shape: number[]; withShape: number[] }
    & Combination
  )
  /**
   * Matrix products x y: the last two axes of the values, seen as `shape`, and of
   * activation `with`, seen as `withShape`; leading axes as in `combine`.
   */
  | { op: "matmul"; with: string; shape: number[]; withShape: number[] }
  /** Joins the values, seen as `shape`, along `axes`, which stay with extent 1. */
  | { op: "reduce"; by: "sum" | "max" | "min"; shape: number[]; axes: number[] }
  /** floor(sqrt(max(x, 0) + addend)). */
  | { op: "squareRoot"; addend: number }
  /** 1 at the place of the largest value of the sample (the first of equals), 0 elsewhere. */
  | { op: "selectLargest" }
  /** x >= 0 ? 1 : 0. */
  | { op: "isNonNegative" }
  /** A function that the caller registered: y = f(x*inputScale), then clamp(round(y/outputScale), low, high). */
  | {
    op: "custom";
    name: string;
    inputScale: number;
    outputScale: number;
    low: number;
    high: number;
  };

/** What becomes of a value x and a value y of another activation. */
export type Combination =
  /** x * factors[0] + y * factors[1]. */
  | { by: "sum"; factors: [x: number, y: number] }
  /** x * y. */
  | { by: "product" }
  /** y * multiplier / d, rounded to the nearest integer, halves up, with d = max(x, 1). */
  | { by: "quotient"; multiplier: number };

/** One round: what the gateway packs, unpacks and applies. */
export interface RoundPlan {
  /** Where every value lies. */
  layout: RoundLayout;
  /** Applied to the accumulators, in order. */
  steps: GatewayStep[];
  /** Name of the activation that the steps produce. */
  writes: string;
  /** Parts that this round may be asked for in parallel; 1: not worth it. */
  shards: number;
  /**
   * Bits of two's complement that its accumulators take, in every round of a sealed
   * plan and in none of another: |accumulator| < 2^(valueBits - 1).
   */
  valueBits?: number;
}

/** Raised when plans of before can no longer be read. */
export const planFormat = 2;

/**
 * Everything the gateway needs for one inference of `samples` samples.
 *
 * @example
 * ```ts
 * import type { InferencePlan } from "@cipherlayer/sdk";
 *
 * const tell = ({ inputs, rounds, reveal }: InferencePlan) =>
 *   `${inputs.map(({ name }) => name)} -> ${rounds.length} rounds -> ${reveal}`;
 * console.log(typeof tell); // tell(session.plan)
 * ```
 */
export interface InferencePlan extends ModelInterface {
  /** Version of the plan's form. */
  format: typeof planFormat;
  /** Samples side by side in the slots. */
  samples: number;
  /** In order; an activation that carries an input's name is that input, quantised. */
  rounds: RoundPlan[];
}
