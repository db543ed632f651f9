/** Plain inputs and outputs: one scale, no names. */
import type { InputSpec, OutputSpec } from "../../sdk/wire/values.ts";

const plain = { labels: null, units: null, scale: [1], offset: [0] };

/** An input named "input" whose integers are its values. */
export function plainInput(
  shape: number[],
  range: { low: number; high: number },
): InputSpec {
  return { ...plain, name: "input", shape, ...range };
}

/** An output named "scores": the whole of an activation. */
export function plainOutput(shape: number[], tensor: string): OutputSpec {
  return { ...plain, name: "scores", shape, tensor, start: 0, tail: "none" };
}
