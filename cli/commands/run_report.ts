/**
 * What `cipherlayer run` reports, for programs and for people.
 *
 * @module
 */
import type { RoundReport } from "../../sdk/session/events.ts";
import { listNumbers } from "../output/numbers.ts";
import { table } from "../output/table.ts";
import { insecureMark } from "./encrypted.ts";

/** What `run --json` prints. */
export interface RunReport {
  model: string;
  version: string;
  keyBits: number;
  insecure: boolean;
  /** Arithmetic of the gateway. */
  kernel: string;
  /** Readings per inference, side by side in the same ciphertexts. */
  samples: number;
  /** The first output for each reading; null where labels alone are revealed. */
  scores: number[][] | null;
  /** Every output by name for each reading, of a model with several. */
  outputs?: Record<string, number[]>[];
  /** For each reading the best class: its name, or its index where it has none. */
  labels: (string | number)[];
  /** Values of the readings that lay outside the model's range and were moved into it. */
  clamped: number;
  /** Cost of each round, over all inferences. */
  rounds: RoundReport[];
  /** Milliseconds of all inferences, without connecting. */
  totalMs: number;
  /**
   * Largest difference to the integer simulator's scores. Where labels alone are
   * revealed: how far the simulator's score of the label lies below its best. Null
   * where functions alone have the package.
   */
  maxAbsErrorVsSimulator: number | null;
}

/** The report for people. */
export function formatRun(report: RunReport): string {
  const { labels, scores, outputs, clamped, maxAbsErrorVsSimulator } = report;
  const mark = insecureMark(report);
  const header = [
    "round",
    "ciphertexts up",
    "down",
    "KB up",
    "KB down",
    "encrypt ms",
    "evaluate ms",
    "decrypt ms",
    "total ms",
  ];
  const rows = report.rounds.map((round, index) => [
    index + 1,
    round.ciphertextsUp,
    round.ciphertextsDown,
    ...[
      round.bytesUp / 1e3,
      round.bytesDown / 1e3,
      round.encryptMs,
      round.evaluateMs,
      round.decryptMs,
      round.totalMs,
    ].map(Math.round),
  ]);
  const shown = labels.slice(0, 20).map((label, i) => {
    const others = Object.entries(outputs?.[i] ?? {}).slice(1);
    return [
      // One value alone is no class.
      scores?.[i].length === 1 ? `${i}:` : `${i}: ${label}`,
      ...scores ? [listNumbers(scores[i])] : [],
      ...others.map(([name, values]) => `${name} ${listNumbers(values)}`),
    ].join("  ");
  });
  if (labels.length > 20) shown.push(`... ${labels.length} in all`);
  const seconds = report.totalMs / 1000;
  return [
    `${report.model} ${report.version}, ${report.keyBits}-bit key, ${report.kernel} kernel, ${report.samples} readings an inference${mark}`,
    "",
    table(header, rows),
    "",
    ...shown,
    "",
    `${seconds.toFixed(2)} s, ${
      (seconds / labels.length).toFixed(3)
    } s a reading${mark}`,
    maxAbsErrorVsSimulator === null
      ? "not compared: functions alone have the model"
      : maxAbsErrorVsSimulator === 0
      ? "every answer equals the simulator's"
      : `answers differ from the simulator's by up to ${maxAbsErrorVsSimulator}`,
    ...clamped > 0
      ? [`${clamped} values outside the model's range were moved into it`]
      : [],
  ].join("\n");
}
