/**
 * What can be wrong about the options of `compile`, found before calibration begins.
 *
 * @module
 */
import type { FloatNetwork } from "../../models/compiler/ir.ts";
import type { NamesOfParts } from "../../models/compiler/names.ts";
import { isReleaseName } from "../../models/package/release.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { suggestion } from "../../sdk/support/nearest.ts";
import type { Reveal, StateSpec } from "../../sdk/wire/values.ts";
import { UsageError } from "./command.ts";

export interface CheckedOptions {
  name: string;
  labels?: NamesOfParts;
  inputNames?: NamesOfParts;
  units?: NamesOfParts;
  reveal?: Reveal;
  /** Right classes of the calibration readings. */
  classes?: readonly number[];
  /** Calibration readings. */
  readings: number;
}

/** @throws {UsageError} naming the option, what was expected, and what was given */
export function checkCompileOptions(
  network: FloatNetwork,
  { name, labels, inputNames, units, reveal, classes, readings }:
    CheckedOptions,
): void {
  if (!isReleaseName(name)) {
    throw new UsageError(
      `Cannot use --name ${
        JSON.stringify(name)
      }: expected at most 100 letters, digits, _, . and -, the first a letter or digit`,
    );
  }
  checkNames("--labels", labels, network.outputs, "output");
  checkNames("--input-names", inputNames, network.inputs, "input");
  checkNames("--units", units, network.inputs, "input", true);
  if (reveal === "label" && !hasLabel(network)) {
    throw new UsageError(
      "Cannot use --reveal label: expected a model that ends in a dense layer of two scores or more",
    );
  }
  if (classes) checkClasses(network, classes, readings);
}

/** @throws {UsageError} naming a state's input or output that the network does not have */
export function checkStates(
  { inputs, outputs }: FloatNetwork,
  states: readonly StateSpec[],
): void {
  for (const { input, output } of states) {
    for (
      const [what, name, parts] of [["input", input, inputs], [
        "output",
        output,
        outputs,
      ]] as const
    ) {
      const names = parts.map(({ name }) => name);
      if (names.includes(name)) continue;
      throw new UsageError(
        `Cannot use --state ${input}=${output}: expected the ${what} ${
          names.join(" or ")
        }, got "${name}"${suggestion(name, names)}`,
      );
    }
  }
}

interface Part {
  name: string;
  shape: readonly number[];
}

function checkNames(
  option: string,
  names: NamesOfParts | undefined,
  parts: readonly Part[],
  what: string,
  mayBeOne = false,
): void {
  if (names === undefined) return;
  const known = parts.map(({ name }) => name);
  if (Array.isArray(names)) {
    if (parts.length > 1) {
      throw new UsageError(
        `Cannot use ${option}: expected names of each ${what} (${
          known.join(", ")
        }), got one list`,
      );
    }
    return checkCount(option, names, parts[0], mayBeOne);
  }
  for (const [name, list] of Object.entries(names)) {
    const part = parts.find((part) => part.name === name);
    if (!part) {
      throw new UsageError(
        `Cannot use ${option}: expected the ${what} ${
          known.join(" or ")
        }, got ${JSON.stringify(name)}`,
      );
    }
    checkCount(option, list, part, mayBeOne);
  }
}

function checkCount(
  option: string,
  names: readonly string[],
  { name, shape }: Part,
  mayBeOne: boolean,
): void {
  const counts = new Set([
    ...mayBeOne ? [1] : [],
    shape[0] ?? 1,
    elementCount(shape),
  ]);
  if (!counts.has(names.length)) {
    throw new UsageError(
      `Cannot use ${option}: expected ${
        [...counts].join(" or ")
      } for "${name}" of shape [${shape.join(", ")}], got ${names.length}`,
    );
  }
  const twice = names.find((each, i) => names.indexOf(each) !== i);
  if (twice === undefined || mayBeOne) return;
  throw new UsageError(
    `Cannot use ${option}: expected names that differ, got ${
      JSON.stringify(twice)
    } twice`,
  );
}

/** Whether the model gives scores alone, those of a last, dense layer. */
function hasLabel({ rounds, outputs }: FloatNetwork): boolean {
  const { terms, shape, gateway, writes } = rounds[rounds.length - 1];
  return outputs.length === 1 && outputs[0].tensor === writes &&
    terms[0].map.kind === "matrix" && shape[0] > 1 && gateway.length === 0;
}

function checkClasses(
  { outputs }: FloatNetwork,
  classes: readonly number[],
  readings: number,
): void {
  if (classes.length !== readings) {
    throw new UsageError(
      `Cannot use --calibrate-labels: expected ${readings} classes, one a reading, got ${classes.length}`,
    );
  }
  const scores = sum(
    outputs.slice(0, 1).map(({ shape }) => elementCount(shape)),
  );
  const wrong = classes.findIndex((value) => value >= scores);
  if (wrong < 0) return;
  throw new UsageError(
    `Cannot use --calibrate-labels: expected classes of 0 to ${
      scores - 1
    }, got ${classes[wrong]} for reading ${wrong}`,
  );
}
