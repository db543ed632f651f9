/**
 * Attack: selectors that are not one-hot.
 *
 * @module
 */
import { usedSlots } from "../../sdk/fixed_point/layout.ts";
import { applySteps } from "../../sdk/activations/apply.ts";
import { likelyInput } from "../measure/clone.ts";
import { type Finding, finding } from "../report/report.ts";
import {
  type AttackContext,
  layerSeen,
  roundName,
} from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";

const trials = 6;

/** Selectors of places i, j, k that an honest edge sends, and that none does. */
const kinds: [
  name: string,
  make: (p: bigint) => [i: bigint, j: bigint, k: bigint],
][] = [
  ["one-hot", () => [1n, 0n, 0n]],
  ["all zeros", () => [0n, 0n, 0n]],
  ["two ones", () => [1n, 1n, 0n]],
  ["sum 1 modulo p alone", (p) => [1n, p, 0n]],
  ["1, 1, -1", () => [1n, 1n, -1n]],
];

/** What the label round gives for selectors that select nothing, or several. */
export async function selectors(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const { scoreRound, truth } = target;
  const last = truth.guarded.guards.length - 1;
  if (last === scoreRound) {
    return finding(roundName(target, last), "the model reveals its scores");
  }
  await client.open(1);
  const [p] = client.key.exportPrimes();
  const scoreToken = await client.tokenFor(scoreRound);
  const layer = await layerSeen(context, scoreRound, scoreToken);
  const random = uniformFrom("selectors");
  const { layout } = client.plan.rounds[last];
  const usedBits = usedSlots(layout, 0) * layout.slotBits;
  const half = 1n << BigInt(layout.slotBits - 1);
  const outcomes: string[] = [];
  for (const [name, make] of kinds) {
    let decoded = 0;
    for (let trial = 0; trial < trials; trial++) {
      const x = likelyInput(layer, layer.inputs, random);
      let answer = await client.ask(scoreRound, scoreToken, [x]);
      for (let round = scoreRound + 1; round < last; round++) {
        const { steps } = client.plan.rounds[round - 1];
        const { samples } = applySteps(steps, answer.accumulators);
        answer = await client.ask(round, answer.token, samples);
      }
      const labels = (await layerSeen(context, last, answer.token)).rows[0];
      const [i, j, k] = make(p);
      const plaintexts = Array.from(
        { length: labels.length - 1 },
        (_, place) => [i, j, k][place] ?? 0n,
      ).map((value) => value < 0n ? value + client.modulus : value);
      const ciphertexts = await client.owner.encryptBatch(plaintexts);
      const response = await client.send(last, answer.token, ciphertexts);
      const [residue] = await client.owner.decryptBatch(response.ciphertexts);
      const expected = [i, j, k].reduce(
        (sum, value, place) => sum + value * BigInt(labels[place] ?? 0),
        half,
      );
      if (
        BigInt.asUintN(usedBits, residue) === BigInt.asUintN(usedBits, expected)
      ) decoded++;
    }
    outcomes.push(`${name}: ${decoded} of ${trials} decode`);
  }
  return finding(
    roundName(target, last),
    `${outcomes.join("; ")} (${usedBits} bits an answer: by chance 1 in ${
      2 ** usedBits
    })`,
  );
}
