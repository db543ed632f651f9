/**
 * One measurement of the paper's evaluation, run and kept apart from the others.
 *
 * @module
 */
import type { Row } from "./table.ts";

/** One thing that is measured, apart from the others. */
export interface Stage {
  /** As `--only` takes it. */
  name: string;
  /** In a few words. */
  about: string;
  /** Names of the tables that it writes. */
  tables: readonly string[];
  /** Its rows tell themselves where and when they were measured. */
  tellsProvenance?: true;
  /** @returns rows by table; a table that is missing stays as it is */
  measure(context: StageContext): Promise<Record<string, Row[]>>;
}

export interface StageContext {
  /** Few turns and small inputs. */
  quick: boolean;
  /** Folder with `mnist` and `cifar10`, which need not exist. */
  dataFolder: string;
  /** States that `cipherlayer accuracy --encrypted` wrote. */
  stateFiles: readonly string[];
  progress(message: string): void;
  /** Short name of a described machine. */
  machineId(description: string): Promise<string>;
}

/** A stage has nothing to measure here, and says why. */
export class Skipped extends Error {
  override readonly name = "Skipped";
}
