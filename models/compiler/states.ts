/**
 * States while a model is calibrated: inputs that the gateway sets to what an output was
 * the time before.
 *
 * @module
 */
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { sum } from "../../sdk/support/numbers.ts";
import type { StateSpec } from "../../sdk/wire/values.ts";
import { runFloat } from "./float_reference.ts";
import type { FloatNetwork } from "./ir.ts";

/** Elements of a reading that holds all inputs but the states. */
export function lengthWithoutStates(
  { inputs }: FloatNetwork,
  states: readonly StateSpec[],
): number {
  return sum(
    inputs.filter(({ name }) => !states.some(({ input }) => input === name))
      .map(({ shape }) => elementCount(shape)),
  );
}

/**
 * Readings that follow each other, with the states that the network comes to; the first
 * begin with 0.
 *
 * @param readings all inputs but the states, one after another
 * @throws {RangeError} naming a state that the network has not
 */
export function readingsWithStates(
  network: FloatNetwork,
  readings: readonly ArrayLike<number>[],
  states: readonly StateSpec[],
): ArrayLike<number>[] {
  if (states.length === 0) return [...readings];
  const { inputs, outputs } = network;
  for (const { input, output } of states) {
    requireName("input", input, inputs);
    requireName("output", output, outputs);
  }
  let values = new Map<string, ArrayLike<number>>();
  return readings.map((reading) => {
    let from = 0;
    const full = Float64Array.from(inputs.flatMap(({ name, shape }) => {
      const length = elementCount(shape);
      if (states.some(({ input }) => input === name)) {
        return Array.from(values.get(name) ?? new Float64Array(length));
      }
      const start = from;
      from += length;
      return Array.from({ length }, (_, i) => reading[start + i]);
    }));
    const given = runFloat(network, full);
    let at = 0;
    const parts = new Map(outputs.map(({ name, shape }) => {
      const start = at, end = at += elementCount(shape);
      return [name, given.subarray(start, end)];
    }));
    values = new Map(
      states.map(({ input, output }) => [input, parts.get(output)!]),
    );
    return full;
  });
}

function requireName(
  what: "input" | "output",
  name: string,
  list: readonly { name: string }[],
): void {
  if (list.some((value) => value.name === name)) return;
  throw new RangeError(
    `Cannot use state: expected the ${what} ${
      list.map(({ name }) => name).join(" or ")
    }, got ${JSON.stringify(name)}`,
  );
}
