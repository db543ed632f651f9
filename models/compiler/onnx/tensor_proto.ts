/**
 * Decodes ONNX's TensorProto.
 *
 * @module
 */
import { type BinaryReader, WireType } from "@bufbuild/protobuf/wire";
import { shortRanges, sizeOf, type Tensor } from "./tensor.ts";

/** Element types of ONNX's TensorProto.DataType that can be read. */
const elementTypes: Record<number, { name: string; type: Tensor["type"] }> = {
  1: { name: "float", type: "float" },
  2: { name: "uint8", type: "integer" },
  3: { name: "int8", type: "integer" },
  4: { name: "uint16", type: "integer" },
  5: { name: "int16", type: "integer" },
  6: { name: "int32", type: "integer" },
  7: { name: "int64", type: "integer" },
  8: { name: "string", type: "string" },
  9: { name: "bool", type: "boolean" },
  10: { name: "float16", type: "float" },
  11: { name: "double", type: "float" },
  12: { name: "uint32", type: "integer" },
  13: { name: "uint64", type: "integer" },
  16: { name: "bfloat16", type: "float" },
};

const maxAxes = 32;

/**
 * Decodes a TensorProto of `end - reader.pos` bytes.
 *
 * @throws {RangeError} for external data, an unknown element type, or a count of
 * elements that does not match the shape, or a shape that is none
 */
export function readTensor(
  reader: BinaryReader,
  end: number,
): { name: string; tensor: Tensor } {
  const shape: number[] = [];
  const values: number[] = [];
  let name = "", dataType = 0, strings = 0, external = false;
  let raw: Uint8Array | null = null;
  while (reader.pos < end) {
    const [field, wireType] = reader.tag();
    if (field === 1) readNumbers(reader, wireType, readInt64, shape);
    else if (field === 2) dataType = reader.int32();
    else if (field === 4) {
      readNumbers(reader, wireType, (r) => r.float(), values);
    } else if (field === 5) {
      readNumbers(reader, wireType, (r) => r.int32(), values);
    } else if (field === 6) {
      reader.skip(wireType, field);
      strings++;
    } else if (field === 7 || field === 11) {
      readNumbers(reader, wireType, readInt64, values);
    } else if (field === 8) name = reader.string();
    else if (field === 9) raw = reader.bytes();
    else if (field === 10) {
      readNumbers(reader, wireType, (r) => r.double(), values);
    } else if (field === 14) external = reader.int32() === 1;
    else reader.skip(wireType, field);
  }
  if (external) {
    throw new RangeError(
      `Cannot read tensor ${
        quoteName(name)
      }: its data lie in another file; save the model with its weights inside (onnx.save with save_as_external_data=False)`,
    );
  }
  const element = elementTypes[dataType];
  if (!element) {
    throw new RangeError(
      `Cannot read tensor ${
        quoteName(name)
      }: element type ${dataType} is not supported`,
    );
  }
  const whole = shape.every((length) =>
    Number.isSafeInteger(length) && length >= 0
  );
  if (!whole || shape.length > maxAxes) {
    throw new RangeError(
      `Cannot read tensor ${
        quoteName(name)
      }: expected at most ${maxAxes} whole lengths, got shape [${
        shape.slice(0, maxAxes)
      }]`,
    );
  }
  const count = sizeOf(shape);
  if (element.type === "string") {
    return {
      name,
      tensor: { type: "string", shape, data: new Float64Array() },
    };
  }
  const data = raw === null
    ? fromFields(values, dataType)
    : fromBytes(raw, dataType, name);
  if (data.length !== count) {
    throw new RangeError(
      `Cannot read tensor ${
        quoteName(name)
      }: expected ${count} elements of shape [${shape}], got ${
        data.length + strings
      }`,
    );
  }
  const range = shortRanges[dataType];
  const { type } = element;
  return { name, tensor: { type, shape, data, ...range && { range } } };
}

/** A name for a message: the file may hold anything there. */
function quoteName(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}...` : name);
}

/** Reads a repeated scalar field, packed or not. */
export function readNumbers(
  reader: BinaryReader,
  wireType: WireType,
  read: (reader: BinaryReader) => number,
  into: number[],
): void {
  if (wireType !== WireType.LengthDelimited) {
    into.push(read(reader));
    return;
  }
  const length = reader.uint32();
  const end = reader.pos + length;
  while (reader.pos < end) into.push(read(reader));
}

/** An int64 as a double. */
export function readInt64(reader: BinaryReader): number {
  return Number(reader.int64());
}

/** float16 and bfloat16 stand as bit patterns in int32_data. */
function fromFields(values: number[], dataType: number): Float64Array {
  if (dataType === 10) return Float64Array.from(values, float16);
  if (dataType === 16) return Float64Array.from(values, bfloat16);
  return Float64Array.from(values);
}

function fromBytes(
  raw: Uint8Array,
  dataType: number,
  name: string,
): Float64Array {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  const [bytes, get] = rawReaders[dataType];
  if (raw.byteLength % bytes !== 0) {
    throw new RangeError(
      `Cannot read tensor ${
        quoteName(name)
      }: ${raw.byteLength} bytes are no multiple of ${bytes}`,
    );
  }
  const data = new Float64Array(raw.byteLength / bytes);
  for (let i = 0; i < data.length; i++) data[i] = get(view, i * bytes);
  return data;
}

/** Bytes an element and its decoder, little-endian, by element type. */
const rawReaders: Record<
  number,
  [number, (v: DataView, at: number) => number]
> = {
  1: [4, (v, at) => v.getFloat32(at, true)],
  2: [1, (v, at) => v.getUint8(at)],
  3: [1, (v, at) => v.getInt8(at)],
  4: [2, (v, at) => v.getUint16(at, true)],
  5: [2, (v, at) => v.getInt16(at, true)],
  6: [4, (v, at) => v.getInt32(at, true)],
  7: [8, (v, at) => Number(v.getBigInt64(at, true))],
  9: [1, (v, at) => v.getUint8(at)],
  10: [2, (v, at) => float16(v.getUint16(at, true))],
  11: [8, (v, at) => v.getFloat64(at, true)],
  12: [4, (v, at) => v.getUint32(at, true)],
  13: [8, (v, at) => Number(v.getBigUint64(at, true))],
  16: [2, (v, at) => bfloat16(v.getUint16(at, true))],
};

function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31, fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function bfloat16(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, (bits & 0xffff) * 65536);
  return view.getFloat32(0);
}
