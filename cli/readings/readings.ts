/**
 * Readings and labels from files: .npy arrays, IDX files as MNIST has them, or
 * CIFAR-10's binary files.
 */
import { type NamesOfParts, parseNames } from "../../models/compiler/names.ts";
import { readBytes, readText } from "../../models/package/read_file.ts";
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { refuseTransposed } from "../../sdk/fixed_point/reading.ts";
import { sum } from "../../sdk/support/numbers.ts";
import { decodeCifar, isCifarPath } from "./cifar.ts";
import { decodeIdx } from "./idx.ts";
import { decodeNpy } from "./npy.ts";

/**
 * Reads samples of a model's inputs. A .npy array holds one sample a row (or one
 * sample alone), the values of all inputs one after another; bytes of pictures count
 * as 0 to 1.
 *
 * @param path .npy, CIFAR-10's .bin, or IDX; the last two gzip-compressed or not
 * @param inputs the shape of one sample of each
 * @param limit most samples that are returned
 * @throws {RangeError} where the file holds no whole number of samples, or samples
 * whose axes stand in another order than the model's
 */
export async function loadReadings(
  path: string,
  inputs: readonly { shape: readonly number[] }[],
  limit = Infinity,
): Promise<Float64Array[]> {
  const array = await loadArray(path);
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
  const factor = array.bytes ? 1 / 255 : 1;
  return Array.from({ length: count }, (_, i) =>
    Float64Array.from(
      array.data.subarray(i * length, (i + 1) * length),
      (value) => value * factor,
    ));
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
  const array = await loadArray(path);
  const data = array.classes ?? array.data;
  const classes = Array.from(data.subarray(0, Math.min(limit, data.length)));
  const wrong = classes.find((value) => !Number.isInteger(value) || value < 0);
  if (wrong !== undefined) {
    throw new RangeError(`Cannot use ${path}: expected classes, got ${wrong}`);
  }
  return classes;
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

interface LoadedArray {
  shape: number[];
  data: Float64Array | Uint8Array;
  /** Whether elements are bytes of pictures, to be read as 0 to 1. */
  bytes: boolean;
  /** Right classes, where the file holds them. */
  classes?: Uint8Array;
}

async function loadArray(path: string): Promise<LoadedArray> {
  const bytes = await readBytes(path);
  try {
    if (path.endsWith(".npy")) return { ...decodeNpy(bytes), bytes: false };
    const decode = isCifarPath(path) ? decodeCifar : decodeIdx;
    return { ...await decode(bytes), bytes: true };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new RangeError(`${message} (${path})`, { cause: error });
  }
}
