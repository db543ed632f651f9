/**
 * `docs/evaluation.md` and its figures, from the tables of `docs/data` alone.
 *
 * @module
 */
import type { Archive, Provenance } from "../archive.ts";
import type { AccuracyRow } from "../measure/accuracy.ts";
import type { AttackRow } from "../measure/attacks.ts";
import type { BatchRow } from "../measure/batch.ts";
import {
  type EncryptedRow,
  encryptedRuns,
  encryptedTable,
} from "../measure/encrypted.ts";
import type { GatewayRow } from "../measure/gateway.ts";
import type { KeyLengthRow } from "../measure/key_lengths.ts";
import type { LayerRow } from "../measure/layers.ts";
import type { OneSampleRow } from "../measure/one_sample.ts";
import type { PictureStatisticsRow, PixelRow } from "../measure/pictures.ts";
import type { ResidualRow } from "../measure/residual.ts";
import { parseTable } from "../table.ts";
import { accuracySection, type EncryptedRun } from "./accuracy.ts";
import { attacksSection } from "./attacks.ts";
import { batchSection } from "./batch.ts";
import { energySection } from "./energy.ts";
import { type Figure, toSvg } from "./figure.ts";
import { keyLengthsSection } from "./key_lengths.ts";
import { latencySection } from "./latency.ts";
import { layersSection } from "./layers.ts";
import type { Measured, Section } from "./markdown.ts";
import { oneSampleSection } from "./one_sample.ts";
import { paper } from "./paper.ts";
import { picturesSection } from "./pictures.ts";
import { type PeerRow, peersSection } from "./peers.ts";
import type { QuotedRow } from "./quoted.ts";
import {
  type TrainingLog,
  type TrainingRow,
  trainingSection,
} from "./training.ts";

/** What the page is drawn from; null where nothing has been measured. */
export interface Tables {
  accuracy: Measured<AccuracyRow>[] | null;
  attacks: Measured<AttackRow>[] | null;
  batch: Measured<BatchRow>[] | null;
  gateway: Measured<GatewayRow>[] | null;
  keyLengths: Measured<KeyLengthRow>[] | null;
  layers: Measured<LayerRow>[] | null;
  oneSample: Measured<OneSampleRow>[] | null;
  pictures: Measured<PixelRow>[] | null;
  pictureStatistics: Measured<PictureStatisticsRow>[] | null;
  resnet20: Measured<ResidualRow>[] | null;
  quoted: QuotedRow[];
  peers: PeerRow[];
  encrypted: EncryptedRun[];
  training: TrainingLog[];
  machines: ReadonlyMap<string, string>;
}

const root = new URL("../../../", import.meta.url);
const trainingLogs = [
  {
    model: "lenet-mnist",
    dataset: "MNIST",
    path: "models/zoo/lenet-mnist/training-log.csv",
  },
  {
    model: "resnet20-cifar10",
    dataset: "CIFAR-10",
    path: "models/zoo/resnet20-cifar10/training-log.csv",
  },
] as const;

/** Reads the tables, draws the figures and writes the page. */
export async function writePage(
  archive: Archive,
  out: string,
): Promise<{ page: string; figures: string[] }> {
  const { text, figures } = renderPage(await readTables(archive));
  await Deno.mkdir(`${out}/figures`, { recursive: true });
  for (const { file, spec } of figures) {
    await Deno.writeTextFile(`${out}/figures/${file}`, await toSvg(spec));
  }
  const page = `${out}/evaluation.md`;
  await Deno.writeTextFile(page, text);
  await new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", page],
    stdout: "null",
  }).output();
  return {
    page,
    figures: figures.map(({ file }) => `${out}/figures/${file}`),
  };
}

async function readTables(archive: Archive): Promise<Tables> {
  return {
    accuracy: await archive.read("accuracy"),
    attacks: await archive.read("attacks"),
    batch: await archive.read("batch"),
    gateway: await archive.read("gateway"),
    keyLengths: await archive.read("key-lengths"),
    layers: await archive.read("layers"),
    oneSample: await archive.read("one-sample"),
    pictures: await archive.read("pictures"),
    pictureStatistics: await archive.read("picture-statistics"),
    resnet20: await archive.read("resnet20"),
    quoted: await archive.read<QuotedRow>("quoted") ?? [],
    peers: await archive.read<PeerRow>("peers") ?? [],
    encrypted: await Promise.all(encryptedRuns.map(async (run) => ({
      ...run,
      rows: await archive.read<EncryptedRow>(
        encryptedTable(run.model, run.keyBits),
      ),
    }))),
    training: await Promise.all(trainingLogs.map(async (log) => ({
      ...log,
      rows: await readLog(new URL(log.path, root)),
    }))),
    machines: await archive.machines(),
  };
}

async function readLog(path: URL): Promise<TrainingRow[] | null> {
  try {
    return parseTable(await Deno.readTextFile(path)) as never;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}

/** The page as Markdown, and the figures that it links. */
export function renderPage(
  tables: Tables,
): { text: string; figures: Figure[] } {
  const machine = mainMachine(tables);
  const sections: Section[] = [
    trainingSection(tables.training),
    picturesSection(tables.pictures, tables.pictureStatistics, machine),
    oneSampleSection(tables.oneSample, machine),
    keyLengthsSection(tables.keyLengths, machine),
    layersSection(tables.layers, machine),
    accuracySection({
      rows: tables.accuracy,
      runs: tables.encrypted,
      quoted: tables.quoted,
      machines: tables.machines,
      machine,
    }),
    latencySection(
      tables.keyLengths,
      tables.resnet20,
      tables.quoted,
      machine,
    ),
    batchSection(tables.batch, machine),
    attacksSection(tables.attacks, machine),
    energySection(tables.gateway, machine),
    peersSection(tables.peers),
  ];
  return {
    text: [
      ...introduction(machine, tables.machines),
      ...sections.flatMap(({ title, blocks }) => [`## ${title}`, ...blocks]),
      "",
    ].join("\n\n"),
    figures: sections.flatMap(({ figures }) => figures),
  };
}

function introduction(
  machine: string | null,
  machines: ReadonlyMap<string, string>,
): string[] {
  return [
    "# Evaluation",
    `The tables and figures of the paper (${paper.citation}), made again with this project, and what goes beyond them. One command makes the page on your machine:`,
    "```\nnpx deno task paper            # all, about 12 minutes on 2 quiet cores\nnpx deno task paper --quick    # 2 minutes, not to be quoted\nnpx deno task paper --render   # draws the page again from docs/data\n```",
    "Every table and figure names its command, date and machine and links its raw figures as CSV. Of the paper we restate its accuracies and its 11.143 s; its other tables are there to be read beside ours. " +
    "The paper's keys have 512 bits, which protect nothing today: every figure made with fewer than 2048 bits is marked **insecure**. " +
    "Times are medians; gateway and functions share the machine.",
    machine === null
      ? "_Nothing has been measured yet._"
      : `Machine \`${machine}\`: ${
        machines.get(machine) ?? "not described"
      }. Where a figure was made on another one, its line says so.`,
  ];
}

/** The machine that most tables were measured on. */
function mainMachine(tables: Tables): string | null {
  const counts = new Map<string, number>();
  for (const rows of Object.values(tables)) {
    if (!Array.isArray(rows)) continue;
    const machine = (rows[0] as Partial<Provenance> | undefined)?.machine;
    if (machine) counts.set(machine, (counts.get(machine) ?? 0) + 1);
  }
  const [max] = [...counts].sort(([, a], [, b]) => b - a);
  return max?.[0] ?? null;
}
