/**
 * Codec of the safetensors format, integers only: 8 bytes length of the header
 * (little-endian), the header in JSON, the tensors' bytes.
 * Source: https://huggingface.co/docs/safetensors
 *
 * @module
 */
import { concat } from "../../sdk/support/bytes.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  integer,
  list,
  Mismatch,
  record,
  text,
  tuple,
} from "../../sdk/wire/schema.ts";
import type { WeightTensor } from "./format.ts";

type IntegerType = "I8" | "I16" | "I32";

const arrayOf = { I8: Int8Array, I16: Int16Array, I32: Int32Array };
const maxHeaderBytes = 2 ** 24;
const maxElements = 2 ** 28;

/**
 * Encodes tensors, each in the narrowest of 8, 16 and 32 bits that holds it.
 * The same tensors in the same order give the same bytes.
 */
export function encodeSafetensors(
  tensors: ReadonlyMap<string, WeightTensor>,
): Uint8Array {
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  let at = 0;
  for (const [name, { shape, data }] of tensors) {
    const dtype = narrowestType(data);
    const part = new Uint8Array(arrayOf[dtype].from(data).buffer);
    header[name] = { dtype, shape, data_offsets: [at, at + part.length] };
    parts.push(part);
    at += part.length;
  }
  const json = JSON.stringify(header);
  // Spaces keep the tensors on a multiple of eight bytes, as the format asks.
  const headerBytes = new TextEncoder().encode(
    json.padEnd(json.length + (-byteLength(json) & 7)),
  );
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(headerBytes.length), true);
  return concat(length, headerBytes, ...parts);
}

/**
 * Decodes tensors of 8, 16 and 32-bit signed integers.
 *
 * @throws {CipherlayerError} "malformed" if the file is truncated, overlong,
 * inconsistent or holds another type
 */
export function decodeSafetensors(
  file: Uint8Array,
): Map<string, WeightTensor> {
  if (file.length < 8) refuse(`expected 8 bytes or more, got ${file.length}`);
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const headerLength = Number(view.getBigUint64(0, true));
  if (headerLength > Math.min(maxHeaderBytes, file.length - 8)) {
    refuse(
      `expected a header of ${headerLength} bytes, got a file of ${file.length}`,
    );
  }
  const data = file.subarray(8 + headerLength);
  const tensors = new Map<string, WeightTensor>();
  let end = 0;
  for (
    const [name, entry] of Object.entries(
      parseHeader(file.subarray(8, 8 + headerLength)),
    )
  ) {
    if (name === "__metadata__") continue;
    const { dtype, shape, from, to } = tensorEntry(name, entry);
    if (from !== end || to > data.length) {
      refuse(
        `expected tensor "${name}" at bytes ${end} to ${data.length} at most, got ${from} to ${to}`,
      );
    }
    // A copy starts at a multiple of the element's size.
    const bytes = data.slice(from, to);
    const elements = new arrayOf[dtype](bytes.buffer);
    tensors.set(name, { shape, data: Int32Array.from(elements) });
    end = to;
  }
  if (end !== data.length) {
    refuse(`expected ${end} bytes of tensors, got ${data.length}`);
  }
  return tensors;
}

function parseHeader(bytes: Uint8Array): Record<string, unknown> {
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder("utf-8", { fatal: true }).decode(bytes),
    );
  } catch (error) {
    refuse("expected a header in JSON", error);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    refuse("expected a header that maps names to tensors");
  }
  return header as Record<string, unknown>;
}

const entryCheck = record({
  dtype: text(8),
  shape: list(integer(0, maxElements), 8),
  data_offsets: tuple<[number, number]>(
    integer(0, 2 ** 40),
    integer(0, 2 ** 40),
  ),
});

function tensorEntry(name: string, value: unknown) {
  try {
    const { dtype, shape, data_offsets: [from, to] } = entryCheck(
      value,
      `tensor "${name}"`,
    );
    if (!(dtype in arrayOf)) {
      throw new Mismatch(
        `expected tensor "${name}" of type I8, I16 or I32, got ${dtype}`,
      );
    }
    const type = dtype as IntegerType;
    const bytes = shape.reduce((count, size) => count * size, 1) *
      arrayOf[type].BYTES_PER_ELEMENT;
    if (to - from !== bytes) {
      throw new Mismatch(
        `expected ${bytes} bytes of tensor "${name}", got ${to - from}`,
      );
    }
    return { dtype: type, shape, from, to };
  } catch (error) {
    if (error instanceof Mismatch) refuse(error.message);
    throw error;
  }
}

function narrowestType(data: Int32Array): IntegerType {
  let type: IntegerType = "I8";
  for (const value of data) {
    if (value < -(2 ** 15) || value >= 2 ** 15) return "I32";
    if (value < -(2 ** 7) || value >= 2 ** 7) type = "I16";
  }
  return type;
}

function byteLength(json: string): number {
  return new TextEncoder().encode(json).length;
}

function refuse(reason: string, cause?: unknown): never {
  throw new CipherlayerError(
    "malformed",
    `Cannot read safetensors: ${reason}`,
    { cause },
  );
}
