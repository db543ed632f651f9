/**
 * Tables as CSV: a row is an object of plain values, a column a name. What is
 * written reads back the same.
 *
 * @module
 */
// @ts-types="npm:@types/d3-dsv@^3.0.7"
import { csvFormat, csvParse } from "d3-dsv";

/** One value: an empty cell is null. */
export type Cell = string | number | boolean | null;

/** One line of a table. */
export type Row = Record<string, Cell>;

/**
 * CSV with a header. Texts that would read back as something else are refused.
 *
 * @throws {RangeError} on a text that looks like a number or a truth value
 */
export function formatTable(rows: readonly Row[]): string {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  for (const row of rows) {
    for (const [column, cell] of Object.entries(row)) {
      if (typeof cell === "string" && parseCell(cell) !== cell) {
        throw new RangeError(
          `Cannot write table: expected a text in column ${column} that is no number, got "${cell}"`,
        );
      }
    }
  }
  const cells = rows.map((row) =>
    Object.fromEntries(
      columns.map((column) => [column, String(row[column] ?? "")]),
    )
  );
  return `${csvFormat(cells, columns)}\n`;
}

/** Rows of a CSV with a header. */
export function parseTable(text: string): Row[] {
  return Array.from(
    csvParse(text),
    (row) =>
      Object.fromEntries(
        Object.entries(row).map(([column, cell]) => [column, parseCell(cell!)]),
      ),
  );
}

function parseCell(text: string): Cell {
  if (text === "") return null;
  if (text === "true" || text === "false") return text === "true";
  return /^-?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text) ? Number(text) : text;
}
