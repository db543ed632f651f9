/**
 * Renders the section on batch sizes.
 *
 * @module
 */
import type { BatchRow } from "../measure/batch.ts";
import { colours, coloursOf, type Figure, figureSpec } from "./figure.ts";
import {
  bytes,
  duration,
  figureLink,
  markdownTable,
  type Measured,
  missingSection,
  provenanceNote,
  type Section,
} from "./markdown.ts";

/** Batch size against time and bytes. */
export function batchSection(
  rows: Measured<BatchRow>[] | null,
  machine: string | null,
): Section {
  const title = "Beyond the paper: samples in the same ciphertexts";
  if (rows === null) {
    return missingSection(title, "batch");
  }
  const figure = batchFigure(rows);
  const first = rows[0], last = rows[rows.length - 1];
  const growth = (last.seconds / first.seconds) /
    (last.samples / first.samples);
  return {
    title,
    blocks: [
      `In the paper time grows in proportion to the samples. Here samples share ciphertexts up to the number of slots; at ${first.keyBits} bits the LeNet takes ${last.samples} samples in ${
        duration(1000 * last.seconds)
      } where one takes ${duration(1000 * first.seconds)}: ${
        (last.seconds / first.seconds).toFixed(1)
      } times as long for ${last.samples / first.samples} times as many, ${
        growth.toFixed(2)
      } of what proportion would give. It is not flat, since a plaintext that is full of one sample's tiles has no slots left for another: what a batch saves is what one sample leaves empty.`,
      markdownTable(
        [
          "samples",
          "one inference",
          "a sample",
          "bytes of a sample",
        ],
        rows.map((row) => [
          `${row.samples}`,
          duration(1000 * row.seconds),
          duration(1000 * row.seconds / row.samples),
          bytes((row.bytesUp + row.bytesDown) / row.samples),
        ]),
      ),
      figureLink(figure),
      provenanceNote(rows, "batch", machine),
    ],
    figures: [figure],
  };
}

function batchFigure(rows: readonly BatchRow[]): Figure {
  const [first] = rows;
  const values = rows.flatMap((row) => [
    { samples: row.samples, seconds: row.seconds, series: "measured" },
    {
      samples: row.samples,
      seconds: first.seconds * row.samples / first.samples,
      series: "in proportion",
    },
  ]);
  const size = rows.map((row) => ({
    samples: row.samples,
    kilobytes: (row.bytesUp + row.bytesDown) / 1e3 / row.samples,
  }));
  const x = {
    field: "samples",
    type: "quantitative",
    title: "samples in an inference (logarithmic)",
    scale: { type: "log", base: 2 },
    axis: { values: rows.map(({ samples }) => samples), format: "d" },
  };
  return {
    file: "batch.svg",
    alt: "Time of an inference and bytes of a sample against samples in it",
    spec: figureSpec({
      bounds: "flush",
      hconcat: [
        {
          width: 270,
          height: 250,
          data: { values },
          mark: { type: "line", point: { filled: true, size: 60 } },
          encoding: {
            x,
            y: {
              field: "seconds",
              type: "quantitative",
              title: "one inference (s, logarithmic)",
              scale: { type: "log" },
              axis: { tickCount: 5, format: "~g" },
            },
            color: coloursOf("series", {
              "measured": colours.ours,
              "in proportion": colours.grey,
            }),
          },
        },
        {
          width: 270,
          height: 250,
          data: { values: size },
          mark: {
            type: "line",
            point: { filled: true, size: 60, color: colours.ours },
            color: colours.ours,
          },
          encoding: {
            x,
            y: {
              field: "kilobytes",
              type: "quantitative",
              title: "data of one sample (KB)",
            },
          },
        },
      ],
    }),
  };
}
