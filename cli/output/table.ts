/**
 * Tables of plain text.
 *
 * @module
 */

export interface TableOptions {
  /**
   * Columns set to the right.
   *
   * @default those whose cells are all numbers
   */
  right?: readonly number[];
  /**
   * A line of dashes under the heading.
   *
   * @default {false}
   */
  isRuled?: boolean;
}

/** Rows under a heading, columns aligned; all rows are of one length. */
export function table(
  heading: readonly string[],
  rows: readonly (readonly (string | number)[])[],
  { right, isRuled = false }: TableOptions = {},
): string {
  const columns = heading.map((title, column) => {
    const cells = rows.map((row) => row[column]);
    return {
      width: Math.max(title.length, ...cells.map((cell) => `${cell}`.length)),
      isRight: right?.includes(column) ??
        cells.every((cell) => typeof cell === "number"),
    };
  });
  const line = (row: readonly (string | number)[]) =>
    columns.map(({ width, isRight }, column) => {
      const cell = `${row[column]}`;
      return isRight ? cell.padStart(width) : cell.padEnd(width);
    }).join("  ").trimEnd();
  const rule = columns.map(({ width }) => "-".repeat(width)).join("  ");
  return [line(heading), ...isRuled ? [rule] : [], ...rows.map(line)].join(
    "\n",
  );
}
