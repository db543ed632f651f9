/**
 * What a model takes and gives: named values, and how they become integers.
 *
 * @module
 */

/**
 * A tensor of named values. Row-major, its elements fall into as many equal blocks
 * as there are scales: one for all, one a channel (the first extent) or one an
 * element. In each, real = integer * scale + offset.
 */
export interface ValuesSpec {
  /** What programs call it. */
  name: string;
  /** Shape of one sample. */
  shape: number[];
  /** Names of the elements (labels of scores, say) or of the channels. */
  labels: string[] | null;
  /** Units: one for all, one a channel or one an element. */
  units: string[] | null;
  /** What one step of the integers stands for; never 0. */
  scale: number[];
  /** What the integer 0 stands for; as many as scales. */
  offset: number[];
}

/**
 * Values that a model takes: integer = round((real - offset) / scale).
 *
 * @example
 * ```ts
 * import type { InputSpec } from "@cipherlayer/sdk";
 *
 * const real = ({ low, high, scale, offset }: InputSpec) =>
 *   [low * scale[0] + offset[0], high * scale[0] + offset[0]];
 * console.log(typeof real); // smallest and largest value of an input with one scale
 * ```
 */
export interface InputSpec extends ValuesSpec {
  /** Least integer. */
  low: number;
  /** Greatest integer. */
  high: number;
}

/** What is left to do to scores for display; their order stays. */
export type ScoreDisplay = "none" | "softmax" | "logSoftmax";

/**
 * Values that a model gives.
 *
 * @example
 * ```ts
 * import type { OutputSpec } from "@cipherlayer/sdk";
 *
 * const names = ({ name, labels }: OutputSpec) => labels ?? [name];
 * console.log(typeof names); // session.plan.outputs.map(names)
 * ```
 */
export interface OutputSpec extends ValuesSpec {
  /** Name of the activation that they are part of. */
  tensor: string;
  /** Number of their first element there. */
  start: number;
  /** Floating-point tail, for display only: outside of exactness. */
  tail: ScoreDisplay;
}

/** An input that the gateway sets to what an output was the time before; 0 at first. */
export interface StateSpec {
  /** Name of the input. */
  input: string;
  /** Name of the output. */
  output: string;
}

/**
 * What an inference gives: `scores`, the values of every output, or one `label`, the
 * number of the largest value of the only output.
 */
export type Reveal = "scores" | "label";

/** What a model takes and gives, the same in packages, plans and contracts. */
export interface ModelInterface {
  /** At least one. A round that reads an input reads an activation of its name. */
  inputs: InputSpec[];
  /** At least one. */
  outputs: OutputSpec[];
  /** Values that pass from one inference to the next. */
  states: StateSpec[];
  /** What clients get. */
  reveal: Reveal;
  /** Whether every multiplier between rounds is a power of two, so that steps shift alone. */
  powerOfTwo: boolean;
}

/** Those members alone. */
export function interfaceOf(
  { inputs, outputs, states, reveal, powerOfTwo }: ModelInterface,
): ModelInterface {
  return { inputs, outputs, states, reveal, powerOfTwo };
}
