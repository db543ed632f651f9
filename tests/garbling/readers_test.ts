/** Who reads what a round writes: found in one pass, whatever plan a cloud sends. */
import { deepEqual, equal } from "node:assert/strict";
import { readersOf } from "../../sdk/garbling/rounds/round.ts";
import { lastReadersOf, writersOf } from "../../sdk/wire/dataflow.ts";
import type { InferencePlan, RoundPlan } from "../../sdk/wire/plan.ts";
import { plainInput, plainOutput } from "../reference/values.ts";

/** A plan whose rounds read these tensors and write a0, a1, ... */
function planOf(reads: string[][]): InferencePlan {
  const rounds = reads.map((tensors, index): RoundPlan => ({
    layout: {
      kind: "dense",
      samples: 1,
      fold: 1,
      inputs: tensors.map((tensor) => ({ tensor, length: 2 })),
      outputLength: 2,
      slotBits: 12,
      guardBits: 0,
      valuesPerCiphertext: 2,
    },
    steps: [],
    writes: `a${index}`,
    shards: 1,
    valueBits: 12,
  }));
  return {
    format: 2,
    samples: 1,
    inputs: [plainInput([2], { low: 0, high: 1 })],
    rounds,
    outputs: [plainOutput([2], `a${reads.length - 1}`)],
    states: [],
    reveal: "label",
    powerOfTwo: true,
  };
}

Deno.test("finds every later input that reads what a round writes, and no other", () => {
  const plan = planOf([["input", "a1"], ["a0", "input", "a0"], ["a1", "a0"]]);
  deepEqual(readersOf(plan), [
    [
      { round: 1, input: 0 },
      { round: 1, input: 2 },
      { round: 2, input: 1 },
    ],
    [{ round: 2, input: 0 }],
    [],
  ]);
});

Deno.test("looks at each round's name once, however many inputs may read it", () => {
  const names = Array.from({ length: 64 }, () => "input");
  const plan = planOf(Array.from({ length: 100 }, () => names));
  let looks = 0;
  plan.rounds.forEach((round, index) =>
    Object.defineProperty(round, "writes", {
      get: () => {
        looks++;
        return `a${index}`;
      },
    })
  );
  const readers = readersOf(plan);
  equal(looks, plan.rounds.length);
  equal(readers.flat().length, 0);
});

Deno.test("an activation lives until its last reader, which may read one that was written again", () => {
  const plan = planOf([["input"], ["a0", "input"], ["a0"], ["a1"], ["a0"]]);
  plan.rounds[2].writes = "a0";
  deepEqual(writersOf(plan), [[-1], [0, -1], [0], [1], [2]]);
  deepEqual(lastReadersOf(plan), [2, 3, 4, -1, -1]);
});
