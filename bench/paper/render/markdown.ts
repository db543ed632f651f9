/**
 * Markdown of the page: tables, numbers, and where a table was measured.
 *
 * @module
 */
import { threeDigits } from "../../../cli/output/numbers.ts";
import type { Provenance } from "../archive.ts";
import type { Figure } from "./figure.ts";

/** A part of the page. */
export interface Section {
  title: string;
  /** Paragraphs, tables and `figureLink`s, in order. */
  blocks: string[];
  figures: Figure[];
}

/** A table; columns after the first are set to the right. */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  const cells = [
    head,
    head.map((_, column) => column === 0 ? "---" : "---:"),
    ...rows.map((row) =>
      row.map((cell) =>
        cell === null ? "-" : typeof cell === "number" ? number(cell) : cell
      )
    ),
  ];
  return cells.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** Three significant digits, thousands grouped. */
export const number = (value: number): string =>
  value === 0 ? "0" : threeDigits(value);

export const percent = (share: number, digits = 2): string =>
  `${(100 * share).toFixed(digits)} %`;

/** Milliseconds as people say them. */
export const duration = (ms: number): string =>
  ms < 1000
    ? `${number(ms)} ms`
    : ms < 120_000
    ? `${number(ms / 1000)} s`
    : `${number(ms / 60_000)} min`;

/** Bytes in decimal units. */
export const bytes = (count: number): string =>
  count < 1e6 ? `${number(count / 1e3)} KB` : `${number(count / 1e6)} MB`;

/** Stands beside every figure of a short key. */
export const keyName = (keyBits: number): string =>
  keyBits < 2048 ? `${keyBits} (**insecure**)` : `${keyBits}`;

export const figureLink = ({ file, alt }: Figure): string =>
  `![${alt}](figures/${file})`;

/** Rows that were measured; what was measured otherwise tells so itself. */
export type Measured<T> = T & Provenance;

/** Command, date and machine of a table, once for each that differs. */
export function provenanceNote(
  rows: readonly Provenance[],
  table: string,
  machine: string | null,
): string {
  const runs = new Map(
    rows.map((row) => [`${row.command} ${row.measuredAt} ${row.machine}`, row]),
  );
  const notes = [...runs.values()].map((row) => {
    const elsewhere = machine !== null && row.machine !== machine
      ? `, **not the machine of the other figures**`
      : "";
    const quick = row.quick
      ? " **A quick run, to develop: do not quote it.**"
      : "";
    const busy = row.load > busyLoad
      ? ` **Others were working on the machine.**`
      : "";
    return `\`${row.command}\`, ${
      row.measuredAt.slice(0, 10)
    }, machine \`${row.machine}\`${elsewhere}, load ${row.load} before it.${quick}${busy}`;
  });
  return `Command: ${
    notes.join(" Then: ")
  } Raw: [${table}.csv](data/${table}.csv).`;
}

/** Two cores take that much of a one-minute load average from a stage before. */
const busyLoad = 3;

/** Stands where a table has not been measured. */
export const missing = (stage: string): string =>
  `_Not measured yet: \`deno task paper --only ${stage}\`._`;

/** A section whose table has not been measured. */
export const missingSection = (title: string, stage: string): Section => ({
  title,
  blocks: [missing(stage)],
  figures: [],
});
