/**
 * Renders the section on accuracy.
 *
 * @module
 */
import type { AccuracyRow } from "../measure/accuracy.ts";
import { type EncryptedRow, encryptedTable } from "../measure/encrypted.ts";
import {
  keyName,
  markdownTable,
  type Measured,
  missing,
  number,
  provenanceNote,
  type Section,
} from "./markdown.ts";
import { paper } from "./paper.ts";
import { quotedName, type QuotedRow } from "./quoted.ts";

/** An encrypted run over the first samples of a test set. */
export interface EncryptedRun {
  model: string;
  keyBits: number;
  /** Samples that the page asks for. */
  wanted: number;
  /** Null where it has not begun. */
  rows: EncryptedRow[] | null;
}

/** What a run shows. */
export interface EncryptedSummary {
  samples: number;
  right: number;
  /** Same class as the simulator's. */
  predictionsEqual: number;
  /** Every round the simulator's. */
  roundsEqual: number;
  secondsEach: number;
}

export function summarise(rows: readonly EncryptedRow[]): EncryptedSummary {
  const count = (holds: (row: EncryptedRow) => boolean) =>
    rows.filter(holds).length;
  return {
    samples: rows.length,
    right: count(({ predicted, label }) => predicted === label),
    predictionsEqual: count(({ predicted, simulated }) =>
      predicted === simulated
    ),
    roundsEqual: count(({ roundsEqual }) => roundsEqual === true),
    secondsEach: rows.reduce((sum, { seconds }) => sum + seconds, 0) /
      rows.length,
  };
}

const datasets = ["MNIST", "CIFAR-10"] as const;
const modelOf = { "MNIST": "lenet-mnist", "CIFAR-10": "resnet20-cifar10" };

/** Table 5, and the encrypted runs behind it. */
export function accuracySection(
  { rows, runs, quoted, machines, machine }: {
    rows: Measured<AccuracyRow>[] | null;
    runs: readonly EncryptedRun[];
    quoted: readonly QuotedRow[];
    /** Descriptions by name. */
    machines: ReadonlyMap<string, string>;
    /** The one of the other figures. */
    machine: string | null;
  },
): Section {
  return {
    title: "Table 5: accuracy",
    blocks: [
      "Encrypted arithmetic is exact here: an encrypted answer is the integer simulator's, bit for bit, so that the integer accuracy is the encrypted one. The paper loses 0.41 and 0.88 points between plain and encrypted.",
      markdownTable(
        ["", ...datasets],
        [
          [
            "**ours**, floating point",
            ...datasets.map((dataset) => measuredCell(rows, dataset, "float")),
          ],
          [
            "**ours**, integers",
            ...datasets.map((dataset) =>
              measuredCell(rows, dataset, "integer")
            ),
          ],
          [
            "**ours**, encrypted",
            ...datasets.map((dataset) => encryptedCell(runs, dataset)),
          ],
          [
            "the paper, plain",
            ...datasets.map((dataset) => `${paper.accuracy[dataset].plain} %`),
          ],
          [
            "the paper, encrypted",
            ...datasets.map((dataset) =>
              `${paper.accuracy[dataset].encrypted} %`
            ),
          ],
          ...quotedLines(quoted),
        ],
      ),
      "Other systems' figures are quoted, not measured: each name links its source. " +
      "Networks differ: CryptoNets, CryptoDL and LoLa replace ReLU by polynomials, ours and the paper's keep it and apply it at the gateway. " +
      "32 of CIFAR-10's 10,000 test pictures are approximations in our copy of the data set (JPEG-decoded), all labels are exact.",
      rows === null
        ? missing("accuracy")
        : provenanceNote(rows, "accuracy", machine),
      "### Encrypted runs",
      "Test samples that were truly encrypted, in the order of the data set. In every round the gateway's decrypted accumulators were compared with the simulator's; hidden channels arrive in an order that the functions keep secret and are compared up to it. A run that is not over covers the first samples, whose accuracy need not be that of all. Seconds are those of an inference over the samples in it; others may have been working on the machine, so they are no benchmark.",
      markdownTable(
        [
          "model, key bits",
          "samples",
          "right",
          "prediction as the simulator",
          "every round as the simulator",
          "s a sample",
        ],
        runs.map(runLine),
      ),
      `Command: \`deno task cipherlayer accuracy models/zoo/MODEL/package --input F --labels F --encrypted [--insecure-key-bits 512] --state S\`, then \`deno task paper --only encrypted --state S\`. ${
        rawLinks(runs)
      } ${machinesOf(runs, machines)}`,
    ],
    figures: [],
  };
}

function measuredCell(
  rows: readonly Measured<AccuracyRow>[] | null,
  dataset: string,
  arithmetic: string,
): string | null {
  const row = rows?.find((row) =>
    row.dataset === dataset && row.arithmetic === arithmetic
  );
  return row
    ? `${share(row.right, row.samples)} (${number(row.samples)} samples)`
    : null;
}

/** The run with most samples. */
function encryptedCell(
  runs: readonly EncryptedRun[],
  dataset: typeof datasets[number],
): string | null {
  const [run] = runs
    .filter(({ model, rows }) => model === modelOf[dataset] && rows !== null)
    .sort((a, b) => b.rows!.length - a.rows!.length);
  if (run === undefined) return null;
  const { right, samples } = summarise(run.rows!);
  return `${share(right, samples)} (${progressOf(run)}, ${
    keyName(run.keyBits)
  } bits)`;
}

const share = (right: number, of: number) =>
  `${(100 * right / of).toFixed(2)} %`;

/** Honest about a run that is not over. */
function progressOf({ rows, wanted }: EncryptedRun): string {
  const count = rows?.length ?? 0;
  return count >= wanted
    ? `${number(count)} samples`
    : `${number(count)} of ${number(wanted)} samples **so far**`;
}

function runLine(run: EncryptedRun): (string | null)[] {
  const name = `${run.model}, ${keyName(run.keyBits)}`;
  if (run.rows === null) {
    return [
      name,
      `0 of ${number(run.wanted)} **so far**`,
      ...Array(4).fill(null),
    ];
  }
  const { right, samples, predictionsEqual, roundsEqual, secondsEach } =
    summarise(run.rows);
  return [
    name,
    progressOf(run),
    `${share(right, samples)} (${number(right)})`,
    all(predictionsEqual, samples),
    all(roundsEqual, samples),
    secondsEach.toPrecision(3),
  ];
}

const all = (count: number, of: number) =>
  count === of ? `all ${number(of)}` : `**${number(count)} of ${number(of)}**`;

function quotedLines(quoted: readonly QuotedRow[]): (string | null)[][] {
  const accurate = quoted.filter(({ accuracy }) => accuracy !== null);
  const systems = Map.groupBy(
    accurate,
    (row) => `${row.system} ${row.year} ${row.approach}`,
  );
  return [...systems.values()].map((rows) => [
    `${quotedName(rows[0])}, quoted`,
    ...datasets.map((dataset) => {
      const row = rows.find((row) => row.dataset === dataset);
      return row ? `${row.accuracy} % (${row.network})` : null;
    }),
  ]);
}

function rawLinks(runs: readonly EncryptedRun[]): string {
  const links = runs.filter(({ rows }) => rows !== null).map((run) => {
    const file = encryptedTable(run.model, run.keyBits);
    return `[${file}.csv](data/${file}.csv)`;
  });
  return links.length > 0 ? `Raw: ${links.join(", ")}.` : "";
}

function machinesOf(
  runs: readonly EncryptedRun[],
  machines: ReadonlyMap<string, string>,
): string {
  const ids = new Set(
    runs.flatMap(({ rows }) => rows?.map(({ machine }) => machine) ?? []),
  );
  return [...ids].map((id) => `Machine \`${id}\`: ${machines.get(id) ?? "?"}.`)
    .join(" ");
}
