/**
 * Renders the section on key lengths.
 *
 * @module
 */
import { fittedExponent } from "../../shared/harness.ts";
import type { KeyLengthRow } from "../measure/key_lengths.ts";
import { colours, type Figure, figureSpec } from "./figure.ts";
import {
  duration,
  figureLink,
  keyName,
  markdownTable,
  type Measured,
  missingSection,
  provenanceNote,
  type Section,
} from "./markdown.ts";
import { paper } from "./paper.ts";

/** The exponent of seconds over key length of each method and number of samples. */
export function exponents(
  rows: readonly KeyLengthRow[],
): { method: string; samples: number; exponent: number }[] {
  const series = Map.groupBy(
    rows,
    ({ method, samples }) => `${samples} ${method}`,
  );
  return [...series.values()].filter((points) => points.length > 1).map(
    (points) => ({
      method: points[0].method,
      samples: points[0].samples,
      exponent: fittedExponent(
        points.map(({ keyBits, seconds }) => ({ x: keyBits, y: seconds })),
      ),
    }),
  );
}

/** Table 3 and Figure 15. */
export function keyLengthsSection(
  rows: Measured<KeyLengthRow>[] | null,
  machine: string | null,
): Section {
  const title = "Table 3 and Figure 15: key length";
  if (rows === null) {
    return missingSection(title, "key-lengths");
  }
  const lengths = [...new Set(rows.map(({ keyBits }) => keyBits))];
  const find = (keyBits: number, method: string, samples: number) =>
    rows.find((row) =>
      row.keyBits === keyBits && row.method === method &&
      row.samples === samples
    );
  const table = lengths.map((keyBits) => {
    const one = find(keyBits, "packed", 1), many = find(keyBits, "packed", 64);
    const reference = find(keyBits, "element by element", 1);
    const show = (row: KeyLengthRow | undefined) =>
      row ? duration(1000 * row.seconds) : "-";
    return [
      keyName(keyBits),
      show(one),
      show(many),
      many ? `${many.batch}` : "-",
      show(reference),
      one && reference
        ? `${Math.round(reference.seconds / one.seconds)} x`
        : "-",
      keyBits === paper.keyBits ? `${paper.sampleSeconds} s` : "-",
    ];
  });
  const fits = exponents(rows).map(({ method, samples, exponent }) =>
    `${method}, ${samples === 1 ? "1 sample" : `${samples} samples`}: ${
      exponent.toFixed(2)
    }`
  );
  const figure = keyLengthsFigure(rows);
  return {
    title,
    blocks: [
      "The LeNet, end to end: gateway and functions in separate processes, HTTP on this machine, masks and re-randomisation on, every answer compared with the simulator. " +
      "One sample: randomisers prepared while the gateway was idle. 64 samples: nothing prepared, so many samples in the same ciphertexts as the planner finds best. " +
      '"Element by element" is the paper\'s method on gmpy2: the operations of our compiled network, counted, times what each costs on this machine, one core; 64 samples take it 64 times as long.',
      markdownTable(
        [
          "key bits",
          "1 sample",
          "64 samples",
          "in batches of",
          "element by element, 1 sample",
          "ratio",
          "the paper, 1 sample",
        ],
        table,
      ),
      `Time grows with a power of the key length; fitted exponents: ${
        fits.join("; ")
      }. A product costs the square of the length, and an exponent grows with it: element by element that is close to 3. Packing wins part of it back, since a longer plaintext has more slots.`,
      figureLink(figure),
      provenanceNote(rows, "key-lengths", machine),
    ],
    figures: [figure],
  };
}

function keyLengthsFigure(rows: readonly KeyLengthRow[]): Figure {
  const name = ({ method, samples }: KeyLengthRow) =>
    `${method}, ${samples === 1 ? "1 sample" : `${samples} samples`}`;
  const values = [
    ...rows.map((row) => ({
      keyBits: row.keyBits,
      seconds: row.seconds,
      series: name(row),
    })),
    {
      keyBits: paper.keyBits,
      seconds: paper.sampleSeconds,
      series: "the paper, 1 sample",
    },
  ];
  return {
    file: "key-lengths.svg",
    alt:
      "Seconds of one and of 64 samples against the length of the key, packed and element by element",
    spec: figureSpec({
      width: 520,
      height: 320,
      data: { values },
      mark: { type: "line", point: { filled: true, size: 70 } },
      encoding: {
        x: {
          field: "keyBits",
          type: "quantitative",
          title: "key length (bits, logarithmic)",
          scale: { type: "log", base: 2, domain: [450, 4700] },
          axis: { values: [512, 1024, 2048, 3072, 4096], format: "d" },
        },
        y: {
          field: "seconds",
          type: "quantitative",
          title: "time (s, logarithmic)",
          scale: { type: "log" },
          axis: { tickCount: 6, format: ",~g" },
        },
        color: {
          field: "series",
          type: "nominal",
          title: null,
          scale: {
            domain: [
              "packed, 1 sample",
              "packed, 64 samples",
              "element by element, 1 sample",
              "element by element, 64 samples",
              "the paper, 1 sample",
            ],
            range: [
              colours.ours,
              colours.third,
              colours.other,
              colours.fourth,
              "black",
            ],
          },
          legend: { orient: "bottom", columns: 2 },
        },
      },
    }),
  };
}
