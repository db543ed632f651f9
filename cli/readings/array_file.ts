/**
 * Arrays of numbers from files, whatever kind they are.
 *
 * @module
 */
import { FileError, readBytes } from "../../models/package/read_file.ts";
import { decodeCifar } from "./cifar.ts";
import { decodePicture } from "./picture.ts";
import { kindNames, kindOf } from "./file_kind.ts";
import { gunzip } from "./gunzip.ts";
import { decodeIdx } from "./idx.ts";
import { decodeNpy } from "./npy.ts";
import { decodeNpz } from "./npz.ts";
import { decodeCsv, decodeJson } from "./text_table.ts";

/** Kinds that are read, for help and errors. */
export const readableKinds =
  ".npy, .npz (file.npz:NAME), .csv, .json, IDX, CIFAR-10's .bin, .png; .gz of them";

export interface LoadedArray {
  shape: number[];
  data: Float64Array | Uint8Array;
  /** Whether elements are bytes of pictures, to be read as 0 to 1. */
  bytes: boolean;
  /** Right classes, where the file holds them. */
  classes?: Uint8Array;
  /** Names of the last axis, where the file holds them. */
  columns?: string[];
}

/**
 * Reads a file by what it holds, not by its name.
 *
 * @param place path of the file, and of an array in a .npz file behind a colon
 * @param channels colours that a picture is wanted in
 * @throws {FileError} where there is no such file, or it is of another kind
 * @throws {RangeError} where it is damaged, or holds no numbers
 */
export async function readArray(
  place: string,
  channels?: number,
): Promise<LoadedArray> {
  const [path, name] = splitPlace(place);
  const bytes = await readBytes(path);
  try {
    const plain = await gunzip(bytes);
    const kind = kindOf(path, plain);
    switch (kind) {
      case "npy":
        return { ...decodeNpy(plain), bytes: false };
      case "npz":
        return { ...decodeNpz(plain, name), bytes: false };
      case "idx":
        return { ...await decodeIdx(plain), bytes: true };
      case "cifar":
        return { ...await decodeCifar(plain), bytes: true };
      case "png":
        return { ...decodePicture(plain, channels), bytes: true };
      case "json":
        return { ...decodeJson(textOf(plain)), bytes: false };
      case "csv":
        return { ...decodeCsv(textOf(plain)), bytes: false };
      default:
        throw new FileError(
          `Cannot read ${path}: expected numbers (${readableKinds}), but it is ${
            kindNames[kind]
          }`,
        );
    }
  } catch (error) {
    if (error instanceof FileError) throw error;
    const message = error instanceof Error ? error.message : String(error);
    throw new RangeError(`${message} (${path})`, { cause: error });
  }
}

/** `file.npz:NAME` in two; a colon elsewhere, as behind a drive, is part of the path. */
function splitPlace(place: string): [path: string, name?: string] {
  const parts = /^(.+\.npz):([^\\/]+)$/i.exec(place);
  return parts ? [parts[1], parts[2]] : [place];
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
}
