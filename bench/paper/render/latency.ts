/**
 * Renders the section on latency.
 *
 * @module
 */
import type { KeyLengthRow } from "../measure/key_lengths.ts";
import type { ResidualRow } from "../measure/residual.ts";
import { colours, coloursOf, type Figure, figureSpec } from "./figure.ts";
import {
  duration,
  figureLink,
  keyName,
  markdownTable,
  type Measured,
  missing,
  provenanceNote,
  type Section,
} from "./markdown.ts";
import { paper } from "./paper.ts";
import { quotedName, type QuotedRow } from "./quoted.ts";

interface Line {
  name: string;
  /** As the figure names it. */
  short: string;
  dataset: string;
  network: string;
  seconds: number;
  what: string;
  hardware: string;
  measured: boolean;
}

/** Table 6. */
export function latencySection(
  lenet: Measured<KeyLengthRow>[] | null,
  resnet: Measured<ResidualRow>[] | null,
  quoted: readonly QuotedRow[],
  machine: string | null,
): Section {
  const title = "Table 6: time of one sample";
  const ours = [...lenetLines(lenet ?? []), ...resnetLines(resnet ?? [])];
  const others = quoted.flatMap((row): Line[] =>
    row.seconds === null ? [] : [{
      name: quotedName(row),
      short: `${row.system} (${row.year}): ${row.network}`,
      dataset: row.dataset,
      network: `${row.network}; ${row.approach}`,
      seconds: row.seconds,
      what: row.perSample ?? "",
      hardware: row.hardware,
      measured: false,
    }]
  );
  const paperLine: Line = {
    name: "the paper",
    short: `the paper: ${paper.keyBits} bits`,
    dataset: "MNIST",
    network: `LeNet-like; Paillier, ${paper.keyBits} bits (**insecure**)`,
    seconds: paper.sampleSeconds,
    what: "one sample",
    hardware: "not restated here",
    measured: false,
  };
  const lines = [...ours, paperLine, ...others];
  // Quoted figures alone would be a picture of others.
  const figures = ours.length > 0 ? [latencyFigure(lines)] : [];
  return {
    title,
    blocks: [
      "**Only the bold lines are measured here; every other figure is quoted from the source that its name links, on that source's hardware.** They do not compare as times of the same work: " +
      "networks and security differ, and so does the protocol. Ours and the paper's take a round trip for every layer and show the gateway pre-activations; fully homomorphic systems take one call and show nothing but the answer. " +
      "nGraph-HE2's figure is a throughput over thousands of images at once, and is left out of the figure. What can be read from the table is the order of magnitude at which each approach answers.",
      markdownTable(
        ["", "data", "network and method", "seconds", "of", "hardware"],
        lines.map((line) => [
          line.measured ? `**${line.name}**` : `${line.name}, quoted`,
          line.dataset,
          line.network,
          `${/less than/.test(line.what) ? "< " : ""}${
            duration(1000 * line.seconds)
          }`,
          line.what,
          line.hardware,
        ]),
      ),
      ...figures.map(figureLink),
      lenet === null
        ? missing("key-lengths")
        : provenanceNote(lenet, "key-lengths", machine),
      resnet === null
        ? missing("resnet20")
        : provenanceNote(resnet, "resnet20", machine),
      "Quoted figures: [quoted.csv](data/quoted.csv).",
    ],
    figures,
  };
}

function lenetLines(rows: readonly Measured<KeyLengthRow>[]): Line[] {
  return rows.filter(({ keyBits, samples }) =>
    samples === 1 && (keyBits === 512 || keyBits === 2048)
  ).map((row) => ({
    name: row.method === "packed"
      ? "ours"
      : "the paper's method on gmpy2, counted",
    short: `${
      row.method === "packed" ? "ours" : "the paper's method, gmpy2"
    }: ${row.keyBits} bits`,
    dataset: "MNIST",
    network: `LeNet; Paillier, ${keyName(row.keyBits)} bits`,
    seconds: row.seconds,
    what: "one sample",
    hardware: `machine \`${row.machine}\``,
    measured: true,
  }));
}

function resnetLines(rows: readonly Measured<ResidualRow>[]): Line[] {
  return rows.map((row) => ({
    name: "ours",
    short: `ours: ResNet-20, ${row.keyBits} bits`,
    dataset: "CIFAR-10",
    network: `ResNet-20; Paillier, ${keyName(row.keyBits)} bits`,
    seconds: row.seconds,
    what: "one sample",
    hardware: `machine \`${row.machine}\``,
    measured: true,
  }));
}

function latencyFigure(lines: readonly Line[]): Figure {
  // A throughput is no time of one sample.
  const values = lines.filter(({ what }) => !what.includes("throughput"))
    .map((line) => ({
      name: line.short,
      dataset: line.dataset,
      seconds: line.seconds,
      kind: line.measured ? "measured here" : "quoted",
    }));
  return {
    file: "latency.svg",
    alt: "Time of one sample of ours and of quoted systems",
    spec: figureSpec({
      data: { values },
      facet: {
        row: { field: "dataset", sort: ["MNIST", "CIFAR-10"], title: null },
      },
      resolve: { scale: { y: "independent" } },
      spec: {
        width: 300,
        height: { step: 24 },
        mark: { type: "point", filled: true, size: 110, opacity: 1 },
        encoding: {
          y: {
            field: "name",
            type: "nominal",
            title: null,
            sort: { field: "seconds" },
            axis: { labelLimit: 400, grid: true },
          },
          x: {
            field: "seconds",
            type: "quantitative",
            title: "time of one sample (s, logarithmic)",
            scale: { type: "log" },
            axis: { tickCount: 5, format: ",~g" },
          },
          color: coloursOf("kind", {
            "measured here": colours.ours,
            "quoted": colours.grey,
          }),
        },
      },
    }),
  };
}
