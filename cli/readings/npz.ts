/**
 * NumPy's .npz files: zip files of arrays.
 *
 * @module
 */
import { unzipSync } from "fflate";
import { suggestion } from "../../sdk/support/nearest.ts";
import { decodeNpy, type NpyArray } from "./npy.ts";

/** Largest array, unpacked: a packed one of a thousandth of that must not fill the memory. */
const maxBytes = 2 ** 30;

/**
 * One array of a .npz file.
 *
 * @param name may be left out where there is one array
 * @throws {RangeError} naming the arrays there are, where `name` is none of them
 */
export function decodeNpz(bytes: Uint8Array, name?: string): NpyArray {
  const names = arrayNames(bytes);
  const wanted = name ?? (names.length === 1 ? names[0] : undefined);
  if (wanted === undefined || !names.includes(wanted)) {
    const problem = wanted === undefined
      ? "name an array with file.npz:NAME"
      : `it has no array "${wanted}"${suggestion(wanted, names)}`;
    throw new RangeError(
      `Cannot read .npz: ${problem}; it holds ${names.join(", ") || "none"}`,
    );
  }
  const path = `${wanted}.npy`;
  const unpacked = unzipped(() =>
    unzipSync(bytes, {
      filter: ({ name, originalSize }) => {
        if (name !== path) return false;
        if (originalSize <= maxBytes) return true;
        throw new RangeError(
          `Cannot read .npz: expected arrays of at most ${maxBytes} bytes, got ${originalSize}`,
        );
      },
    })
  );
  return decodeNpy(unpacked[path]);
}

function arrayNames(bytes: Uint8Array): string[] {
  const names: string[] = [];
  unzipped(() =>
    unzipSync(bytes, {
      filter: ({ name }) => {
        if (name.endsWith(".npy")) names.push(name.slice(0, -4));
        return false;
      },
    })
  );
  return names;
}

function unzipped<T>(work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (cause instanceof RangeError && cause.message.startsWith("Cannot")) {
      throw cause;
    }
    throw new RangeError("Cannot read .npz: the zip file is damaged", {
      cause,
    });
  }
}
