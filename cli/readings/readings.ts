/**
 * Readings and labels from files of any kind that `array_file.ts` reads.
 *
 * @module
 */
import { type NamesOfParts, parseNames } from "../../models/compiler/names.ts";
import { readText } from "../../models/package/read_file.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { refuseTransposed } from "../../sdk/fixed_point/reading.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { type LoadedArray, readArray } from "./array_file.ts";
import { isCifarPath } from "./cifar.ts";

/** What is known of one of a model's inputs. */
export interface ReadInput {
  /** What the model calls it: of several inputs, the name of its array in a .npz file. */
  name?: string;
  /** Of one sample. */
  shape: readonly number[];
  /** Names of its elements, by which columns are found. */
  labels?: readonly string[] | null;
}

/**
 * Reads samples of a model's inputs. An array holds one sample a row (or one sample
 * alone), the values of all inputs one after another; bytes of pictures count as 0 to
 * 1. Columns that have names stand in any order, if the model's elements have names. A
 * .npz file may hold an array for each of several inputs, by its name.
 *
 * @param path of the file; an array of a .npz file as `file.npz:NAME`
 * @param limit most samples that are returned
 * @throws {RangeError} where the file holds no whole number of samples, samples
 * whose axes stand in another order than the model's, or not all named elements
 */
export async function loadReadings(
  path: string,
  inputs: readonly ReadInput[],
  limit = Infinity,
): Promise<Float64Array[]> {
  const [{ shape }] = inputs;
  const channels = shape.length === 3 ? shape[0] : undefined;
  const loaded = inputs.length > 1 && /\.npz$/i.test(path)
    ? await readEachInput(path, inputs)
    : await readArray(path, channels);
  const array = inOrder(loaded, inputs, path);
  const length = sum(inputs.map(({ shape }) => elementCount(shape)));
  const rows = array.shape.length > 0 ? array.shape[0] : 1;
  const single = array.data.length === length;
  if (!single && array.data.length !== rows * length) {
    throw new RangeError(
      `Cannot use ${path}: expected samples of shape ${
        inputs.map(({ shape }) => `[${shape}]`).join(" and ")
      } (${length} elements), got an array of shape [${array.shape}]`,
    );
  }
  if (inputs.length === 1) {
    const extents = single ? array.shape : array.shape.slice(1);
    refuseTransposed(extents, inputs[0].shape, ` from ${path}`);
  }
  const count = Math.min(limit, single ? 1 : rows);
  if (count === 0) {
    throw new RangeError(`Cannot use ${path}: expected a reading, got none`);
  }
  const factor = array.bytes ? 1 / 255 : 1;
  return Array.from({ length: count }, (_, i) =>
    Float64Array.from(
      array.data.subarray(i * length, (i + 1) * length),
      (value) => value * factor,
    ));
}

/** The arrays of a .npz file, one for each input, side by side: a row a sample. */
async function readEachInput(
  path: string,
  inputs: readonly ReadInput[],
): Promise<LoadedArray> {
  const arrays = await Promise.all(
    inputs.map(({ name }) => readArray(`${path}:${name}`)),
  );
  const [{ shape: [rows] }] = arrays;
  const lengths = inputs.map(({ shape }) => elementCount(shape));
  arrays.forEach(({ shape, data }, i) => {
    if (shape[0] === rows && data.length === rows * lengths[i]) return;
    throw new RangeError(
      `Cannot use ${path}: expected ${rows} samples of shape [${
        inputs[i].shape
      }] in array ${inputs[i].name}, got an array of shape [${shape}]`,
    );
  });
  const length = sum(lengths);
  const data = new Float64Array(rows * length);
  let from = 0;
  for (const [i, array] of arrays.entries()) {
    for (let row = 0; row < rows; row++) {
      const part = array.data.subarray(
        row * lengths[i],
        (row + 1) * lengths[i],
      );
      data.set(part, row * length + from);
    }
    from += lengths[i];
  }
  return { shape: [rows, length], data, bytes: false };
}

/** Columns by name in the order of the model's elements; others are left out. */
function inOrder(
  array: LoadedArray,
  inputs: readonly ReadInput[],
  path: string,
): LoadedArray {
  const { columns } = array;
  const labels = inputs.flatMap(({ labels }) => labels ?? []);
  const length = sum(inputs.map(({ shape }) => elementCount(shape)));
  if (!columns || labels.length !== length) return array;
  const places = labels.map((label) => columns.indexOf(label));
  const missing = labels.filter((_, i) => places[i] < 0);
  if (missing.length > 0) {
    throw new RangeError(
      `Cannot use ${path}: expected columns ${labels.join(", ")}, got ${
        columns.join(", ")
      }`,
    );
  }
  const [rows] = array.shape;
  const data = new Float64Array(rows * length);
  for (let row = 0; row < rows; row++) {
    places.forEach((place, i) => {
      data[row * length + i] = array.data[row * columns.length + place];
    });
  }
  return { ...array, shape: [rows, length], data };
}

/**
 * Where the right classes of samples are: in `labelPath`, or with the samples.
 *
 * @returns null where nothing tells them
 */
export function classesPath(
  samplePath: string,
  labelPath: string | undefined,
): string | null {
  return labelPath ?? (isCifarPath(samplePath) ? samplePath : null);
}

/**
 * Reads right classes, one a sample, from a file of classes or of samples with
 * classes (CIFAR-10's).
 *
 * @throws {RangeError} where a class is no whole number
 */
export async function loadClasses(
  path: string,
  limit = Infinity,
): Promise<number[]> {
  const array = await readArray(path);
  const data = array.classes ?? array.data;
  const classes = Array.from(data.subarray(0, Math.min(limit, data.length)));
  const wrong = classes.find((value) => !Number.isInteger(value) || value < 0);
  if (wrong !== undefined) {
    throw new RangeError(`Cannot use ${path}: expected classes, got ${wrong}`);
  }
  return classes;
}

/**
 * Measured values, one a reading.
 *
 * @throws {RangeError} where one is not finite
 */
export async function loadTargets(
  path: string,
  limit = Infinity,
): Promise<number[]> {
  const { data } = await readArray(path);
  const targets = Array.from(data.subarray(0, Math.min(limit, data.length)));
  const wrong = targets.find((value) => !Number.isFinite(value));
  if (wrong === undefined) return targets;
  throw new RangeError(`Cannot use ${path}: expected numbers, got ${wrong}`);
}

/**
 * Names of elements, or units: `a,b,c`; JSON, a list or a map of lists by input or
 * output; or a file of such JSON (.json), or of one name a line.
 *
 * @throws {RangeError} where they are anything else
 */
export async function loadNames(given: string): Promise<NamesOfParts> {
  if (/^\s*[[{]/.test(given)) return parseNames(given, given);
  if (given.includes(",")) return given.split(",").map((name) => name.trim());
  const text = await readText(given);
  return given.endsWith(".json")
    ? parseNames(text, given)
    : text.split(/\r?\n/).filter((line) => line !== "");
}
