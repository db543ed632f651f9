/**
 * Reads and writes NumPy's .npy files.
 *
 * @module
 */
/** NumPy's .npy files (format 1.0 to 3.0): arrays in C order. */
export interface NpyArray {
  shape: number[];
  data: Float64Array;
}

type Reader = (view: DataView, at: number, little: boolean) => number;

/** Bytes an element and its reader, by NumPy's type code. */
const elements: Record<string, [bytes: number, read: Reader]> = {
  b1: [1, (v, at) => v.getUint8(at)],
  i1: [1, (v, at) => v.getInt8(at)],
  u1: [1, (v, at) => v.getUint8(at)],
  i2: [2, (v, at, little) => v.getInt16(at, little)],
  u2: [2, (v, at, little) => v.getUint16(at, little)],
  i4: [4, (v, at, little) => v.getInt32(at, little)],
  u4: [4, (v, at, little) => v.getUint32(at, little)],
  i8: [8, (v, at, little) => Number(v.getBigInt64(at, little))],
  u8: [8, (v, at, little) => Number(v.getBigUint64(at, little))],
  f2: [2, (v, at, little) => v.getFloat16(at, little)],
  f4: [4, (v, at, little) => v.getFloat32(at, little)],
  f8: [8, (v, at, little) => v.getFloat64(at, little)],
};

const magic = "\x93NUMPY";

/**
 * Reads a .npy file of numbers or booleans, of either byte order.
 *
 * @throws {RangeError} where the bytes are no such file, hold another type, are in
 * Fortran order or cut
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  const start = String.fromCharCode(...bytes.subarray(0, magic.length));
  if (start !== magic || bytes.length < 10) {
    throw new RangeError("Cannot read .npy: expected NumPy's magic bytes");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = bytes[6] >= 2;
  if (wide && bytes.length < 12) throw cut();
  const headerBytes = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const from = (wide ? 12 : 10) + headerBytes;
  if (from > bytes.length) throw cut();
  const header = new TextDecoder().decode(
    bytes.subarray(wide ? 12 : 10, from),
  );
  const { descr, fortran, shape } = parseHeader(header);
  if (fortran) {
    throw new RangeError(
      "Cannot read .npy: the array is in Fortran order; save numpy.ascontiguousarray(x)",
    );
  }
  const order = descr[0], type = descr.slice(1);
  if (!Object.hasOwn(elements, type)) {
    throw new RangeError(
      `Cannot read .npy: expected numbers, got elements of type "${descr}"; save x.astype(numpy.float32)`,
    );
  }
  const [size, read] = elements[type];
  const count = shape.reduce((product, length) => product * length, 1);
  if (bytes.length - from !== count * size) {
    throw new RangeError(
      `Cannot read .npy: expected ${
        count * size
      } bytes of data for shape [${shape}], got ${bytes.length - from}`,
    );
  }
  const data = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    data[i] = read(view, from + i * size, order !== ">");
  }
  return { shape, data };
}

function cut(): RangeError {
  return new RangeError("Cannot read .npy: its header is cut");
}

/** The header is a Python dictionary with three keys, always written alike. */
function parseHeader(header: string) {
  const descr = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const shape = /'shape':\s*\(([\d,\sL]*)\)/.exec(header)?.[1];
  if (descr === undefined || order === undefined || shape === undefined) {
    throw new RangeError(
      `Cannot read .npy: expected an array of numbers, got header ${
        JSON.stringify(header.trim().slice(0, 200))
      }`,
    );
  }
  return {
    descr,
    fortran: order === "True",
    shape: (shape.match(/\d+/g) ?? []).map(Number),
  };
}

/** A .npy file (format 1.0) of float64 values. */
export function encodeNpy({ shape, data }: NpyArray): Uint8Array {
  const lengths = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dictionary =
    `{'descr': '<f8', 'fortran_order': False, 'shape': (${lengths}), }`;
  // Data begin at a multiple of 64 bytes.
  const padded = dictionary.padEnd(
    Math.ceil((dictionary.length + 11) / 64) * 64 - 11,
  ) + "\n";
  const bytes = new Uint8Array(10 + padded.length + data.length * 8);
  const header = `${magic}\x01\x00\x00\x00${padded}`;
  for (let i = 0; i < header.length; i++) bytes[i] = header.charCodeAt(i);
  const view = new DataView(bytes.buffer);
  view.setUint16(8, padded.length, true);
  data.forEach((value, i) =>
    view.setFloat64(10 + padded.length + 8 * i, value, true)
  );
  return bytes;
}
