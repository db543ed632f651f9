import type { BenchResult } from "../shared/harness.ts";
import type { Machine } from "../shared/machine.ts";

export interface Report {
  machine: Machine;
  kernel: string;
  results: BenchResult[];
}

/** The report as a table for people, one line a result, notes below. */
export function formatReport({ machine, kernel, results }: Report): string {
  const lines = results.map((result) => [
    result.name,
    `${figure(result.value)} ${result.unit}`.trimEnd(),
    `±${Math.round(50 * result.spread)}%`,
    result.reference
      ? `${figure(result.reference.value)} ${result.unit}`.trimEnd()
      : "-",
    result.reference?.name ?? "",
    result.ratio === null ? "" : `${figure(result.ratio)} x`,
  ]);
  const notes = Map.groupBy(
    results.filter(({ note }) => note !== null),
    ({ note }) => note,
  );
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, Deno ${machine.deno}, load ${machine.load}`,
    `kernel: ${kernel}`,
    "",
    ...table(
      ["name", "value", "spread", "reference", "", "ratio"],
      lines,
      [1, 2, 3, 5],
    ),
    "",
    "Medians of interleaved runs; spread is half the interquartile range; ratio above 1 is better than the reference.",
    ...Array.from(
      notes,
      ([note, rows]) => `${rows.map(({ name }) => name).join(", ")}: ${note}`,
    ),
  ].join("\n");
}

/** Three significant digits, thousands grouped. */
export function figure(value: number): string {
  return value.toLocaleString("en-US", {
    maximumSignificantDigits: value >= 1000
      ? Math.ceil(Math.log10(value + 1))
      : 3,
  });
}

/** Lines of a table; columns numbered in `right` are set flush right. */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[],
): string[] {
  const widths = head.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column].length))
  );
  const line = (row: readonly string[]) =>
    row.map((cell, column) =>
      right.includes(column)
        ? cell.padStart(widths[column])
        : cell.padEnd(widths[column])
    ).join("  ").trimEnd();
  return [line(head), "-".repeat(line(head).length), ...rows.map(line)];
}
