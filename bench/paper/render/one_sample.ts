/**
 * Renders the section on one sample (Table 2 of the paper).
 *
 * @module
 */
import type { OneSampleRow } from "../measure/one_sample.ts";
import {
  duration,
  markdownTable,
  type Measured,
  missingSection,
  number,
  provenanceNote,
  type Section,
} from "./markdown.ts";

const names: Record<OneSampleRow["contender"], string> = {
  "textbook": "without: BigInt, r^N and one power by lambda",
  "paillier-bigint": "without: paillier-bigint",
  "gmpy2": "with: GMP and CRT (gmpy2), the paper's",
  "ours": "ours, nothing prepared",
  "ours, prepared": "ours, randomisers prepared while idle",
};

/** Table 2. */
export function oneSampleSection(
  rows: Measured<OneSampleRow>[] | null,
  machine: string | null,
): Section {
  const title = "Table 2: encrypting and decrypting one sample, 3072 bits";
  if (rows === null) {
    return missingSection(title, "one-sample");
  }
  const sorted = Object.keys(names).flatMap((name) =>
    rows.filter(({ contender }) => contender === name)
  );
  const [{ elements, packed }] = rows;
  const line = (row: OneSampleRow, ciphertexts: number, way: string) => [
    `${names[row.contender]}${way}`,
    ciphertexts,
    `${number(row.encryptMs)} ms`,
    `${number(row.decryptMs)} ms`,
    duration(ciphertexts * row.encryptMs),
    duration(ciphertexts * row.decryptMs),
    duration(ciphertexts * (row.encryptCpuMs + row.decryptCpuMs)),
    `${Math.round(row.peakMiB)} MiB`,
  ];
  const ours = sorted.filter(({ contender }) => contender.startsWith("ours"));
  return {
    title,
    blocks: [
      `A sample of MNIST has ${elements} numbers. The paper encrypts each; ` +
      `the LeNet's plan packs them in ${packed} ciphertexts at 3072 bits. Every line is a separate process on one core; ` +
      "a sample is the measured time of one ciphertext times their number. " +
      "Memory is the largest that the process became, its runtime (V8, Python) included; ours holds a table of powers that the others lack.",
      markdownTable(
        [
          "",
          "ciphertexts",
          "encrypt one",
          "decrypt one",
          "encrypt a sample",
          "decrypt a sample",
          "processor, both",
          "memory",
        ],
        [
          ...sorted.map((row) => line(row, elements, "")),
          ...ours.map((row) => line(row, packed, "; **packed**")),
        ],
      ),
      provenanceNote(rows, "one-sample", machine),
    ],
    figures: [],
  };
}
