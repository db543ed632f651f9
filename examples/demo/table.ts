/**
 * A table of plain text: the first column to the left, the others to the right.
 *
 * @param rows the first row is the heading; all of one length
 */
export function drawTable(rows: string[][]): string {
  const widths = rows[0].map((_, column) =>
    Math.max(...rows.map((row) => row[column].length))
  );
  const lines = rows.map((row) =>
    row.map((cell, column) =>
      column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column])
    ).join("  ")
  );
  const rule = widths.map((width) => "-".repeat(width)).join("  ");
  return [lines[0], rule, ...lines.slice(1)].join("\n");
}

/** 1234567 -> "1,234,567" */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}

/** Bytes in the unit that suits them: "312 kB", "1.21 MB". */
export function readableBytes(bytes: number): string {
  if (bytes < 1e3) return `${bytes} B`;
  return bytes < 1e6
    ? `${(bytes / 1e3).toFixed(bytes < 1e4 ? 1 : 0)} kB`
    : `${(bytes / 1e6).toFixed(2)} MB`;
}
