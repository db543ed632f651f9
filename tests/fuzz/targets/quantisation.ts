/** `quantisation.json`, as training writes it. */
import { deepStrictEqual } from "node:assert/strict";
import fc from "fast-check";
import {
  parseQuantisation,
  prescribedBits,
} from "../../../models/compiler/quantise/prescribed.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import { type FuzzTarget, range, taken } from "../target.ts";
import { damagedTrees } from "../trees.ts";

export function quantisation(): FuzzTarget<string> {
  const samples = readCorpus("quantisation");
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  const trees = damagedTrees(samples.map((bytes) => JSON.parse(text(bytes))));
  return {
    inputs: fc.oneof(
      damagedBytes(samples).map(text),
      trees.map((tree) => JSON.stringify(tree)),
    ),
    check(file) {
      const read = taken(range, () => parseQuantisation(file));
      if (read === null) return;
      const { input, weights, activations } = prescribedBits(read);
      for (const bits of [input, ...weights, ...activations]) {
        deepStrictEqual(Number.isInteger(bits) && bits >= 0, true);
      }
    },
    quickCases: 1000,
  };
}
