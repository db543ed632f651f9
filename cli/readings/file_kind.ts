/**
 * What a file is, by how it begins.
 *
 * @module
 */

/** Kinds that hold readings. */
export type ReadingsKind =
  | "npy"
  | "npz"
  | "idx"
  | "cifar"
  | "png"
  | "json"
  | "csv";

/** Kinds that are recognised only to name them. */
type OtherKind =
  | "onnx"
  | "jpeg"
  | "hdf5"
  | "pickle"
  | "safetensors"
  | "pdf"
  | "empty"
  | "unknown";

export type FileKind = ReadingsKind | OtherKind;

/** In words, after "is". */
export const kindNames: Record<FileKind, string> = {
  npy: "a .npy file",
  npz: "a zip file (.npz)",
  idx: "an IDX file",
  cifar: "a file of CIFAR-10",
  png: "a PNG picture",
  json: "JSON",
  csv: "text",
  onnx: "an ONNX file",
  jpeg: "a JPEG picture",
  hdf5: "an HDF5 file",
  pickle: "a pickle of Python",
  safetensors: "a safetensors file",
  pdf: "a PDF file",
  empty: "empty",
  unknown: "of no kind that is known here",
};

const beginnings: [FileKind, number[]][] = [
  ["npy", [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]],
  ["npz", [0x50, 0x4b, 0x03, 0x04]],
  ["npz", [0x50, 0x4b, 0x05, 0x06]],
  ["png", [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]],
  ["jpeg", [0xff, 0xd8, 0xff]],
  ["hdf5", [0x89, 0x48, 0x44, 0x46]],
  ["pdf", [0x25, 0x50, 0x44, 0x46]],
  ["idx", [0x00, 0x00, 0x08]],
];

/** Length of a record of CIFAR-10: a label and a picture. */
const cifarBytes = 3073;

/**
 * @param path whose ending decides where bytes do not
 * @param bytes of the whole file, unpacked
 */
export function kindOf(path: string, bytes: Uint8Array): FileKind {
  if (bytes.length === 0) return "empty";
  const found = beginnings.find(([, beginning]) =>
    beginning.every((byte, i) => bytes[i] === byte)
  );
  // A record of CIFAR-10 may begin with any of ten bytes.
  const isCifar = /\.bin(\.gz)?$/.test(path) && bytes[0] < 10 &&
    bytes.length % cifarBytes === 0;
  if (isCifar) return "cifar";
  if (found) return found[0];
  if (bytes[0] === 0x80 && bytes[1] >= 2 && bytes[1] <= 5) return "pickle";
  if (isSafetensors(bytes)) return "safetensors";
  const text = textOf(bytes);
  // Protocol buffers: the version of ONNX's format, then a field of text.
  const isOnnx = bytes[0] === 0x08 && bytes[1] < 0x40 &&
    (bytes[2] === 0x12 || bytes[2] === 0x3a || bytes[2] === 0x1a);
  if (isOnnx || (text === null && /\.onnx$/.test(path))) return "onnx";
  if (text === null) return "unknown";
  return /^\s*[[{]/.test(text) ? "json" : "csv";
}

/** Eight bytes of length, then JSON. */
function isSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 9 && bytes[8] === 0x7b && bytes[7] === 0 &&
    bytes[6] === 0 && bytes[5] === 0;
}

/** The beginning of a text; null of bytes that are none. */
function textOf(bytes: Uint8Array): string | null {
  const start = bytes.subarray(0, 1024);
  // deno-lint-ignore no-control-regex -- such bytes are in no text
  const controls = /[\x00-\x08\x0e-\x1f]/;
  try {
    // A character may be cut at the end.
    const text = new TextDecoder("utf-8", { fatal: true })
      .decode(start, { stream: true });
    return controls.test(text) ? null : text;
  } catch {
    return null;
  }
}
