/**
 * Encrypted runs over test sets: what `cipherlayer accuracy --encrypted` wrote, sample by
 * sample.
 *
 * @module
 */
import {
  type AccuracyLine,
  AccuracyState,
} from "../../../cli/commands/accuracy_state.ts";
import type { Row } from "../table.ts";
import { Skipped, type Stage } from "../stage.ts";

/** One test sample, truly encrypted. */
export type EncryptedRow = {
  index: number;
  label: number;
  predicted: number;
  /** What the integer simulator predicts. */
  simulated: number;
  /**
   * Whether every round of its inference gave the simulator's accumulators; null
   * where they were not compared.
   */
  roundsEqual: boolean | null;
  /** Of its inference, shared by the samples in it. */
  seconds: number;
  /** Samples in its inference. */
  samples: number;
  keyBits: number;
  insecure: boolean;
  version: string;
  machine: string;
  measuredAt: string;
};

/** The runs that the page asks for, and how many samples of each. */
export const encryptedRuns = [
  { model: "lenet-mnist", keyBits: 512, wanted: 10_000 },
  { model: "lenet-mnist", keyBits: 2048, wanted: 200 },
  { model: "resnet20-cifar10", keyBits: 512, wanted: 200 },
  { model: "resnet20-cifar10", keyBits: 2048, wanted: 10 },
] as const;

/** Name of the table of a run. */
export const encryptedTable = (model: string, keyBits: number): string =>
  `encrypted-${model}-${keyBits}`;

export const encryptedStage: Stage = {
  name: "encrypted",
  about: "encrypted test samples, from the states given by --state",
  tables: encryptedRuns.map(({ model, keyBits }) =>
    encryptedTable(model, keyBits)
  ),
  tellsProvenance: true,
  async measure({ stateFiles, machineId, progress }) {
    if (stateFiles.length === 0) {
      throw new Skipped("no --state given: tables stay as they are");
    }
    const tables: Record<string, Row[]> = {};
    for (const path of stateFiles) {
      const lines = await readCopy(path);
      progress(`${path}: ${lines.length} samples`);
      for (const group of Map.groupBy(lines, tableOf).entries()) {
        tables[group[0]] = await rowsOf(group[1], machineId);
      }
    }
    return tables;
  },
};

/** Of a copy, since the run may go on: reading a state repairs its last line. */
async function readCopy(path: string): Promise<AccuracyLine[]> {
  const copy = await Deno.makeTempFile();
  try {
    await Deno.copyFile(path, copy);
    return await new AccuracyState(copy).read();
  } finally {
    await Deno.remove(copy);
  }
}

const tableOf = ({ model, keyBits }: AccuracyLine) =>
  encryptedTable(model, keyBits);

/** In the order of the samples; of one that was inferred twice the last. */
export async function rowsOf(
  lines: readonly AccuracyLine[],
  machineId: (description: string) => Promise<string>,
): Promise<EncryptedRow[]> {
  const last = new Map(lines.map((line) => [line.index, line]));
  const ids = new Map<string, string>();
  for (const { machine } of last.values()) {
    if (!ids.has(machine)) ids.set(machine, await machineId(machine));
  }
  return [...last.values()].sort((a, b) => a.index - b.index).map((line) => ({
    index: line.index,
    label: line.label,
    predicted: line.predicted,
    simulated: line.simulated,
    roundsEqual: line.roundsEqual,
    seconds: line.seconds,
    samples: line.samples,
    keyBits: line.keyBits,
    insecure: line.keyBits < 2048,
    version: `v-${line.version}`,
    machine: ids.get(line.machine)!,
    measuredAt: `${line.finishedAt.slice(0, 16)}Z`,
  }));
}
