/**
 * A compiled model: the folder `manifest.json` + `weights.safetensors`.
 * The manifest is the quantised network as rounds; weights are
 * int32 tensors named by it.
 *
 * @module
 */
import type { GatewayStep } from "../../sdk/wire/plan.ts";
import type { ModelInterface } from "../../sdk/wire/values.ts";

/** One term of y = sum of terms + bias: an activation that the round reads. */
export type Term = ConvolutionTerm | DenseTerm;

export interface ConvolutionTerm {
  kind: "convolution";
  /** Activation that is read: one that an earlier round writes, or an input. */
  reads: string;
  /** Per-sample shape read; height 1 for 1-D. */
  inputShape: [channels: number, height: number, width: number];
  /** Bounds of that activation's integers. */
  low: number;
  high: number;
  /** Name of the weight tensor, shape [out, in/groups, kh, kw]. */
  weights: string;
  kernel: [number, number];
  stride: [number, number];
  dilation: [number, number];
  /** Negative where rows or columns are left out. */
  pads: [top: number, left: number, bottom: number, right: number];
  groups: number;
}

export interface DenseTerm {
  kind: "dense";
  reads: string;
  /** Elements read (the activation flattened in row-major order). */
  length: number;
  low: number;
  high: number;
  /** Name of the weight tensor, shape [out, length]. */
  weights: string;
}

export interface RoundSpec {
  name: string;
  /** All terms are of one kind and give this shape: [C, H, W] or [length]. */
  terms: Term[];
  outputShape: number[];
  /** Name of the bias tensor, shape [C], [C, H, W] (a bias for each position) or [length]. */
  bias: string;
  /** Exact bound: every accumulator lies in [-bound, bound]. */
  bound: number;
  /** Steps at the gateway on this round's accumulators. */
  steps: GatewayStep[];
  /** Name of the activation that results. */
  writes: string;
  /** One input element and one value to a ciphertext: of rounds that guard others. */
  alone?: true;
}

/**
 * `paper`: the method of the paper alone; `standard`; `strict`: magnitudes of scores stay
 * hidden; `sealed`: clients see labels alone (docs/sealed.md).
 */
export type PrivacyProfile = "paper" | "standard" | "strict" | "sealed";

/** Raised when packages of before can no longer be read. */
export const packageFormat = "cipherlayer-model-2";

export interface Manifest extends ModelInterface {
  format: typeof packageFormat;
  name: string;
  version: string;
  rounds: RoundSpec[];
  /** How the functions guard the weights against clients that cheat (docs/model-privacy.md). */
  privacy: PrivacyProfile;
  provenance: Record<string, string | number>;
  /** SHA-256 of every other file of the package, hexadecimal. */
  files: Record<string, string>;
}

/** A weight or bias tensor: row-major int32. */
export interface WeightTensor {
  shape: number[];
  data: Int32Array;
}

export interface ModelPackage {
  manifest: Manifest;
  tensors: Map<string, WeightTensor>;
}
