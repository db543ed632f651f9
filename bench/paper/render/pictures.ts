/**
 * Renders the section on ciphertext pictures (Figure 13 of the paper).
 *
 * @module
 */
import { encode as encodePng } from "fast-png";
import type { PictureStatisticsRow, PixelRow } from "../measure/pictures.ts";
import { histogram } from "../statistics.ts";
import { colours, type Figure, figureSpec } from "./figure.ts";
import {
  figureLink,
  keyName,
  markdownTable,
  type Measured,
  missingSection,
  number,
  percent,
  provenanceNote,
  type Section,
} from "./markdown.ts";

const side = 28;
const lines = [
  { column: "plain", name: "digit" },
  { column: "paillier", name: "Paillier" },
  { column: "predictable", name: "broken" },
  { column: "recovered", name: "broken, read" },
] as const;

/** Figure 13. */
export function picturesSection(
  pixels: Measured<PixelRow>[] | null,
  statistics: Measured<PictureStatisticsRow>[] | null,
  machine: string | null,
): Section {
  const title = "Figure 13: pictures of ciphertexts";
  if (pixels === null || statistics === null) {
    return missingSection(title, "pictures");
  }
  const shown = picturesFigure(pixels), counted = histogramsFigure(pixels);
  const [{ keyBits, pictures }] = statistics;
  return {
    title,
    blocks: [
      `The paper shows five digits, their ciphertexts modulo 256 as pictures, and histograms of both. Here are ours at ${
        keyName(pixels[0].keyBits)
      } bits; the digits are drawn by this project, no data set's.`,
      figureLink(shown),
      `Rows: the digit; its pixels, each encrypted, modulo 256; the same under the broken encryption below; and what a stranger reads out of that without any key.`,
      figureLink(counted),
      `The test that the paper leaves to the eye, over ${
        number(pictures)
      } pictures under a key of ${keyName(keyBits)} bits:`,
      markdownTable(
        [
          "pixels modulo 256",
          "chi-squared, 255 degrees",
          "probability",
          "single pictures uneven at 1 %",
          "correlation right",
          "below",
          "diagonal",
          "**read without the key**",
        ],
        statistics.map((row) => [
          row.encryption === "none"
            ? "as they are"
            : row.encryption === "Paillier"
            ? "Paillier"
            : "broken: predictable randomness",
          number(Math.round(row.chiSquared)),
          row.tail < 1e-4 ? "< 0.0001" : row.tail.toFixed(3),
          percent(row.unevenShare, 1),
          row.right.toFixed(4),
          row.below.toFixed(4),
          row.diagonal.toFixed(4),
          `**${percent(row.readable, 0)}**`,
        ]),
      ),
      "**Such pictures prove nothing alone.** The broken line is Paillier with r = 2, 4, 8, ... in place of random numbers: " +
      "every ciphertext is another, bytes are even, neighbours do not correlate, and whoever knows how r counts divides r^N out and reads every pixel, as the figure's last row shows. " +
      "A picture modulo 256 looks at eight bits of thousands, and at none of the ways in which an encryption fails. " +
      "What protects is _semantic security_: telling encryptions of two chosen messages apart is as hard as telling N-th residues modulo N² from other numbers (Paillier 1999), " +
      "provided that every r is fresh, uniform and secret, and N is too long to factor. The statistics above show that nothing is grossly wrong, no more; " +
      "randomness comes from the platform's generator, prepared randomisers are used once, and [SECURITY.md](../SECURITY.md) states the assumptions.",
      provenanceNote(statistics, "picture-statistics", machine) +
      " Pixels: [pictures.csv](data/pictures.csv).",
    ],
    figures: [shown, counted],
  };
}

function picturesFigure(pixels: readonly PixelRow[]): Figure {
  const digits = [...new Set(pixels.map(({ digit }) => digit))];
  const values = digits.flatMap((digit) =>
    lines.map(({ column, name }) => ({
      digit: `${digit}`,
      line: name,
      url: pictureUrl(
        pixels.filter((row) => row.digit === digit)
          .map((row) => row[column]),
      ),
    }))
  );
  return {
    file: "pictures.svg",
    alt:
      "Five digits, their ciphertexts modulo 256 under Paillier and under a broken encryption, and the digits read out of the latter without a key",
    spec: figureSpec({
      width: { step: 104 },
      height: { step: 104 },
      data: { values },
      mark: { type: "image", width: 96, height: 96, smooth: false },
      encoding: {
        x: { field: "digit", type: "nominal", axis: null },
        y: {
          field: "line",
          type: "nominal",
          sort: lines.map(({ name }) => name),
          title: null,
          axis: { domain: false, ticks: false },
        },
        url: { field: "url", type: "nominal" },
      },
    }),
  };
}

/** A grey picture of 28 x 28 as a data URL, so that the figure is one file. */
function pictureUrl(values: number[]): string {
  const png = encodePng({
    width: side,
    height: side,
    data: Uint8Array.from(values),
    channels: 1,
  });
  return `data:image/png;base64,${Uint8Array.from(png).toBase64()}`;
}

function histogramsFigure(pixels: readonly PixelRow[]): Figure {
  const panel = (
    column: "plain" | "paillier",
    title: string,
    colour: string,
    scale: "log" | "linear",
  ) => ({
    width: 280,
    height: 180,
    title,
    data: {
      values: histogram(pixels.map((row) => row[column]))
        .map((count, value) => ({ value, next: value + 1, count }))
        .filter(({ count }) => count > 0),
    },
    mark: { type: "bar", color: colour, binSpacing: 0 },
    encoding: {
      x: {
        field: "value",
        type: "quantitative",
        bin: { binned: true, step: 1 },
        title: "value",
        scale: { domain: [0, 256] },
        axis: { values: [0, 64, 128, 192, 255], format: "d" },
      },
      x2: { field: "next" },
      y: {
        field: "count",
        type: "quantitative",
        title: scale === "log" ? "pixels (logarithmic)" : "pixels",
        scale: {
          type: scale,
          ...scale === "log" ? { domain: [0.5, 2 * pixels.length] } : {},
        },
        axis: { tickCount: 5, format: "~g" },
      },
      ...scale === "log" ? { y2: { datum: 0.5 } } : {},
    },
  });
  return {
    file: "histograms.svg",
    alt: "Histograms of the five digits and of their ciphertexts modulo 256",
    spec: figureSpec({
      bounds: "flush",
      hconcat: [
        panel("plain", "digits", colours.other, "log"),
        panel("paillier", "ciphertexts modulo 256", colours.ours, "linear"),
      ],
    }),
  };
}
