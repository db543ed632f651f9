/**
 * Renders the section on layers (Figure 14 and Table 4 of the paper).
 *
 * @module
 */
import type { LayerRow } from "../measure/layers.ts";
import { colours, coloursOf, type Figure, figureSpec } from "./figure.ts";
import {
  bytes,
  duration,
  figureLink,
  keyName,
  markdownTable,
  type Measured,
  missingSection,
  number,
  provenanceNote,
  type Section,
} from "./markdown.ts";

/** Figure 14 and Table 4. */
export function layersSection(
  rows: Measured<LayerRow>[] | null,
  machine: string | null,
): Section {
  const title = "Figure 14 and Table 4: layer by layer";
  if (rows === null) {
    return missingSection(title, "layers");
  }
  const lengths = [...new Set(rows.map(({ keyBits }) => keyBits))];
  const figure = layersFigure(
    rows.filter(({ keyBits }) => keyBits === Math.max(...lengths)),
  );
  return {
    title,
    blocks: [
      "One sample through the LeNet, both ways on this project's arithmetic and with the same weights, so that the difference is the packing. " +
      "Element by element holds one number a ciphertext, as the paper does, on one core, without masks and re-randomisation (the paper has none); every number was compared with the simulator's. Rows and columns that pooling crops are left out of both. " +
      "Packed is a real inference over HTTP, masks and re-randomisation on, evaluated on all cores; nothing was prepared for either.",
      ...lengths.flatMap((keyBits) => [
        `Key of ${keyName(keyBits)} bits:`,
        layersTable(rows.filter((row) => row.keyBits === keyBits)),
      ]),
      figureLink(figure),
      provenanceNote(rows, "layers", machine),
    ],
    figures: [figure],
  };
}

const totalMs = ({ encryptMs, evaluateMs, decryptMs }: LayerRow) =>
  encryptMs + evaluateMs + decryptMs;

function layersTable(rows: readonly LayerRow[]): string {
  const line = (name: string, ours: LayerRow[], theirs: LayerRow[]) => {
    const sum = (of: LayerRow[], value: (row: LayerRow) => number) =>
      of.reduce((total, row) => total + value(row), 0);
    const both = (
      value: (row: LayerRow) => number,
      show: (value: number) => string,
    ) => `${show(sum(theirs, value))} / **${show(sum(ours, value))}**`;
    return [
      name,
      both(({ ciphertextsUp }) => ciphertextsUp, number),
      both(({ ciphertextsDown }) => ciphertextsDown, number),
      both((row) => row.bytesUp + row.bytesDown, bytes),
      both(({ encryptMs }) => encryptMs, duration),
      both(({ evaluateMs }) => evaluateMs, duration),
      both(({ decryptMs }) => decryptMs, duration),
      `${number(sum(theirs, totalMs) / sum(ours, totalMs))} x`,
    ];
  };
  const by = (method: LayerRow["method"]) =>
    rows.filter((row) => row.method === method);
  const packed = by("packed"), elements = by("element by element");
  return markdownTable(
    [
      "element by element / **packed**",
      "ciphertexts up",
      "down",
      "bytes",
      "encrypt",
      "evaluate",
      "decrypt",
      "faster by",
    ],
    [
      ...packed.map((row) =>
        line(
          row.layer,
          [row],
          elements.filter(({ layer }) => layer === row.layer),
        )
      ),
      line("all", packed, elements),
    ],
  );
}

function layersFigure(rows: readonly LayerRow[]): Figure {
  const order = rows.filter(({ method }) => method === "packed")
    .map(({ layer }) => layer);
  const values = rows.flatMap((row) => [
    {
      layer: row.layer,
      method: row.method,
      quantity: "data (KB)",
      value: (row.bytesUp + row.bytesDown) / 1e3,
    },
    {
      layer: row.layer,
      method: row.method,
      quantity: "time (ms)",
      value: totalMs(row),
    },
  ]);
  const max = (quantity: string) =>
    Math.max(
      ...values.filter((each) => each.quantity === quantity)
        .map(({ value }) => value),
    );
  const panel = (quantity: string) => ({
    width: 260,
    height: 260,
    transform: [{ filter: `datum.quantity === '${quantity}'` }],
    mark: { type: "bar" },
    encoding: {
      x: {
        field: "layer",
        type: "nominal",
        sort: order,
        title: "layer",
        axis: { labelAngle: 0 },
      },
      xOffset: { field: "method", sort: ["element by element", "packed"] },
      y: {
        field: "value",
        type: "quantitative",
        title: `${quantity.replace(")", ", logarithmic)")}`,
        // Bars start at 1, and end below the frame.
        scale: { type: "log", domain: [1, 1.5 * max(quantity)] },
        axis: { tickCount: 5, format: "~s" },
      },
      y2: { datum: 1 },
      color: coloursOf("method", {
        "element by element": colours.other,
        "packed": colours.ours,
      }),
    },
  });
  return {
    file: "layers.svg",
    alt: `Data and time of each layer at ${
      rows[0].keyBits
    } bits, element by element and packed`,
    spec: figureSpec({
      title: `One sample, ${rows[0].keyBits}-bit key`,
      data: { values },
      bounds: "flush",
      hconcat: [panel("data (KB)"), panel("time (ms)")],
    }),
  };
}
