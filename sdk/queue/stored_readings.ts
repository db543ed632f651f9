/**
 * Readings and outcomes as the bytes that a queue seals.
 *
 * @module
 */
import { copyOfReading, type Reading } from "../fixed_point/reading.ts";
import type { AddOptions, QueuedOutcome } from "./queue_options.ts";

/** Readings that wait under one number, as they were taken in. */
export interface StoredReadings {
  id: number;
  takenAt: Date;
  meta?: unknown;
  /** One, unless it is a batch. */
  values: Reading[];
  batch: boolean;
}

/**
 * Length of the JSON of time, meta and the readings' lengths (4 bytes), that JSON, then
 * little-endian doubles; where a reading is a nested list or a record, all stand in the JSON.
 */
export function encodeReadings(
  readings: readonly Reading[],
  { meta, takenAt = new Date() }: AddOptions,
  batch: boolean,
): Uint8Array<ArrayBuffer> {
  const copies = readings.map(copyOfReading);
  const lists = copies.filter(isFlatList);
  const areFlat = lists.length === copies.length;
  const head = new TextEncoder().encode(JSON.stringify({
    takenAt: takenAt.toISOString(),
    meta,
    batch,
    ...areFlat
      ? { lengths: lists.map(({ length }) => length) }
      : { readings: copies },
  }));
  const numbers = areFlat ? lists.flat() : [];
  const view = new DataView(
    new ArrayBuffer(4 + head.length + 8 * numbers.length),
  );
  view.setUint32(0, head.length, true);
  new Uint8Array(view.buffer).set(head, 4);
  numbers.forEach((value, i) =>
    view.setFloat64(4 + head.length + 8 * i, value, true)
  );
  return new Uint8Array(view.buffer);
}

const isFlatList = (copy: Reading): copy is number[] =>
  Array.isArray(copy) && copy.every((value) => typeof value === "number");

/** The outcome as JSON, read back by {@linkcode decodeOutcome}. */
export function encodeOutcome(
  outcome: QueuedOutcome,
): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(outcome));
}

export function decodeOutcome(bytes: Uint8Array): QueuedOutcome {
  const outcome = JSON.parse(new TextDecoder().decode(bytes));
  const { takenAt } = outcome;
  return { ...outcome, takenAt: takenAt && new Date(takenAt) };
}

export function decodeReadings(id: number, bytes: Uint8Array): StoredReadings {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 4 + view.getUint32(0, true);
  const { takenAt, meta, batch, lengths, readings } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(4, at)),
  );
  const values = readings ??
    lengths.map((length: number) =>
      Float64Array.from({ length }, () => {
        const value = view.getFloat64(at, true);
        at += 8;
        return value;
      })
    );
  return { id, takenAt: new Date(takenAt), meta, values, batch };
}
