/**
 * Numbers from text: CSV and JSON, with or without names of the values.
 *
 * @module
 */
import { parse } from "csv-parse/sync";

/** Rows of numbers, in columns that have names or not. */
export interface TextTable {
  shape: number[];
  data: Float64Array;
  /** Names of the columns, where the file has them. */
  columns?: string[];
}

/**
 * Decodes CSV, with a first line of names or without.
 *
 * @throws {RangeError} naming line and column of what is no number
 */
export function decodeCsv(text: string): TextTable {
  const rows = linesOf(text);
  if (rows.length === 0) {
    throw new RangeError(
      "Cannot read CSV: expected lines of numbers, got none",
    );
  }
  const [{ cells: first }] = rows;
  const columns = first.some((cell) => !isNumber(cell)) ? first : undefined;
  const values = columns ? rows.slice(1) : rows;
  const width = first.length;
  const data = new Float64Array(values.length * width);
  values.forEach(({ cells, line }, i) => {
    if (cells.length !== width) {
      throw new RangeError(
        `Cannot read CSV: expected ${width} cells in line ${line}, got ${cells.length}`,
      );
    }
    cells.forEach((cell, j) => {
      if (!isNumber(cell)) {
        throw new RangeError(
          `Cannot read CSV: expected a number in line ${line}, column ${
            columns ? `"${columns[j]}"` : j + 1
          }, got ${JSON.stringify(cell.slice(0, 40))}`,
        );
      }
      data[i * width + j] = Number(cell);
    });
  });
  return { shape: [values.length, width], data, columns };
}

interface Line {
  cells: string[];
  /** Number of the line, from 1 on. */
  line: number;
}

function linesOf(text: string): Line[] {
  try {
    const records = parse(text, {
      bom: true,
      info: true,
      relax_column_count: true,
      skip_empty_lines: true,
      skip_records_with_empty_values: true,
      trim: true,
    }) as unknown as { record: string[]; info: { lines: number } }[];
    return records.map(({ record, info }) => ({
      cells: record,
      line: info.lines,
    }));
  } catch (cause) {
    throw new RangeError(`Cannot read CSV: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function isNumber(cell: string): boolean {
  return cell !== "" && Number.isFinite(Number(cell));
}

type Json = null | boolean | number | string | Json[] | {
  [name: string]: Json;
};

/** Deepest nesting of lists. */
const maxDepth = 10;

/**
 * Decodes JSON: a list of numbers, lists of lists, or one record, or a list of
 * records, of numbers by name.
 *
 * @throws {RangeError} naming the place of what is no number
 */
export function decodeJson(text: string): TextTable {
  let value: Json;
  try {
    value = JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new RangeError(
      `Cannot read JSON: ${(cause as Error).message}`,
      { cause },
    );
  }
  if (isRecord(value)) return ofRecords([value]);
  if (Array.isArray(value) && value.length > 0 && value.every(isRecord)) {
    return ofRecords(value);
  }
  if (!Array.isArray(value)) {
    throw new RangeError(
      "Cannot read JSON: expected a list of numbers or of records",
    );
  }
  const shape: number[] = [];
  for (let at: Json = value; Array.isArray(at); at = at[0]) {
    if (shape.push(at.length) > maxDepth) {
      throw new RangeError(
        `Cannot read JSON: expected lists of at most ${maxDepth} levels`,
      );
    }
  }
  const data: number[] = [];
  flatten(value, shape, 0, "", data);
  return { shape, data: Float64Array.from(data) };
}

function flatten(
  list: Json[],
  shape: readonly number[],
  depth: number,
  where: string,
  data: number[],
): void {
  if (list.length !== shape[depth]) {
    throw new RangeError(
      `Cannot read JSON: expected ${
        shape[depth]
      } values${where}, got ${list.length}`,
    );
  }
  list.forEach((value, i) => {
    const at = `${where} at index ${i}`;
    if (depth + 1 === shape.length) data.push(numberAt(value, at));
    else if (Array.isArray(value)) flatten(value, shape, depth + 1, at, data);
    else numberAt(value, `${at} in lists of lists`, true);
  });
}

function ofRecords(records: { [name: string]: Json }[]): TextTable {
  const columns = Object.keys(records[0]);
  const data = new Float64Array(records.length * columns.length);
  records.forEach((record, i) =>
    columns.forEach((name, j) => {
      const value = Object.hasOwn(record, name) ? record[name] : null;
      data[i * columns.length + j] = numberAt(
        value,
        ` in record ${i}, "${name}"`,
      );
    })
  );
  return { shape: [records.length, columns.length], data, columns };
}

function numberAt(value: Json, where: string, isWanted = false): number {
  if (typeof value === "number" && !isWanted) return value;
  const got = JSON.stringify(value);
  throw new RangeError(
    `Cannot read JSON: expected a ${
      isWanted ? "list" : "number"
    }${where}, got ${got.length > 40 ? `${got.slice(0, 40)}...` : got}`,
  );
}

function isRecord(value: Json): value is { [name: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
