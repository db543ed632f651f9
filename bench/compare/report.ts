/**
 * The report of `deno task bench` as a table.
 *
 * @module
 */
import type { BenchResult } from "../shared/harness.ts";
import type { Machine } from "../../cli/output/machine.ts";
import { threeDigits } from "../../cli/output/numbers.ts";
import { table } from "../../cli/output/table.ts";

export interface Report {
  machine: Machine;
  kernel: string;
  results: BenchResult[];
}

/** The report as a table for people, one line a result, notes below. */
export function formatReport({ machine, kernel, results }: Report): string {
  const lines = results.map((result) => [
    result.name,
    `${threeDigits(result.value)} ${result.unit}`.trimEnd(),
    `±${Math.round(50 * result.spread)}%`,
    result.reference
      ? `${threeDigits(result.reference.value)} ${result.unit}`.trimEnd()
      : "-",
    result.reference?.name ?? "",
    result.ratio === null ? "" : `${threeDigits(result.ratio)} x`,
  ]);
  const notes = Map.groupBy(
    results.filter(({ note }) => note !== null),
    ({ note }) => note,
  );
  return [
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGiB} GiB, ${machine.os}, ${machine.runtime}, load ${machine.load}`,
    `kernel: ${kernel}`,
    "",
    table(["name", "value", "spread", "reference", "", "ratio"], lines, {
      right: [1, 2, 3, 5],
      isRuled: true,
    }),
    "",
    "Medians of interleaved runs; spread is half the interquartile range; ratio above 1 is better than the reference.",
    ...Array.from(
      notes,
      ([note, rows]) => `${rows.map(({ name }) => name).join(", ")}: ${note}`,
    ),
  ].join("\n");
}
