/**
 * Figures of other systems, quoted with their sources.
 *
 * @module
 */
/** Figures of other systems, as `docs/data/quoted.csv` states them with their sources. */
export type QuotedRow = {
  system: string;
  year: number;
  approach: string;
  network: string;
  dataset: "MNIST" | "CIFAR-10";
  /** Per cent. */
  accuracy: number | null;
  seconds: number | null;
  /** What the seconds are of. */
  perSample: string | null;
  hardware: string;
  source: string;
  quotedFrom: string;
};

/** As tables name it. */
export const quotedName = ({ system, year, source }: QuotedRow): string =>
  `[${system}](${source}) (${year})`;
