/**
 * The attacks that no sealed inference without authenticated shares stops: one final
 * call asked again with other choices tells how scores differ, and the same with a
 * shifted input tells a column of the last layer. Each answered call costs a label.
 *
 * @module
 */
import { denseLayer } from "../client/layer.ts";
import type { OpenRound, SealedClient } from "./sealed_client.ts";
import type { ModelPackage } from "../../models/package/format.ts";

/** What an attack of labels found. */
export interface LabelFinding {
  attack: "score differences" | "shifted inputs" | "inner layer";
  /** Numbers that it found, and those of them that are right. */
  found: number;
  right: number;
  /** Of what was found, if it could be anything in its range. */
  bits: number;
  /** Answered final calls. */
  labels: number;
}

/**
 * How far each score lies below the largest, exactly: the least shift that makes it the
 * label, by doubling and halving.
 *
 * @param known differences, and how far from them to look; by default from 0 on
 */
async function differencesOf(
  client: SealedClient,
  round: OpenRound,
  scores: number,
  known?: { differences: readonly number[]; reach: number },
): Promise<number[]> {
  const winner = await client.label(round, []);
  const differences: number[] = [];
  for (let score = 0; score < scores; score++) {
    if (score === winner) {
      differences.push(0);
      continue;
    }
    const wins = async (by: number) =>
      await client.label(round, [{ value: score, by }]) === score;
    const least = await leastTrue(
      wins,
      known
        ? {
          below: known.differences[score] - known.reach,
          step: 2 * known.reach,
        }
        : { below: -1, step: 1 },
    );
    // The first of equal ones is the label.
    differences.push(score < winner ? least : least - 1);
  }
  return differences;
}

/** The least number above `below` for which a growing predicate holds. */
export async function leastTrue(
  holds: (value: number) => Promise<boolean>,
  { below, step }: { below: number; step: number },
): Promise<number> {
  let low = below, high = below + step;
  for (let width = step; !await holds(high); width *= 2) {
    if (width > 2 ** 40) throw new RangeError("no shift makes it the label");
    low = high;
    high += width;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await holds(middle)) high = middle;
    else low = middle;
  }
  return high;
}

/** Differences of the scores of one reading, under one token. */
export async function scoreDifferences(
  client: SealedClient,
  truth: readonly number[],
): Promise<LabelFinding> {
  const before = client.labels;
  const round = await client.ask(client.last);
  const found = await differencesOf(client, round, truth.length);
  const largest = truth.reduce((a, b) => Math.max(a, b));
  return {
    attack: "score differences",
    found: found.length - 1,
    right:
      truth.filter((score, i) =>
        largest !== score && found[i] === largest - score
      ).length,
    bits: (found.length - 1) *
      (client.plan.rounds[client.last].valueBits - 1),
    labels: client.labels - before,
  };
}

/** Columns of the last layer, up to what all weights of a column have in common. */
export async function shiftedInputs(
  client: SealedClient,
  model: ModelPackage,
  columns: readonly number[],
): Promise<LabelFinding> {
  const { rows } = denseLayer(model, client.last);
  const plain = await client.ask(client.last);
  const known = await differencesOf(client, plain, rows.length);
  const before = client.labels, reach = weightValues(rows);
  const winner = known.indexOf(0);
  let found = 0, right = 0;
  for (const element of columns) {
    const round = await client.ask(client.last, [
      { element, by: 1 },
    ]);
    const shifted = await differencesOf(client, round, rows.length, {
      differences: known,
      reach,
    });
    rows.forEach((row, i) => {
      if (i === winner) return;
      found++;
      const difference = known[i] - shifted[i] + shifted[winner];
      if (difference === row[element] - rows[winner][element]) right++;
    });
  }
  return {
    attack: "shifted inputs",
    found,
    right,
    bits: found * Math.log2(reach),
    labels: client.labels - before,
  };
}

export const weightValues = (rows: readonly Float64Array[]): number => {
  const weights = rows.flatMap((row) => [...row.subarray(0, -1)]);
  const low = weights.reduce((a, b) => Math.min(a, b));
  const high = weights.reduce((a, b) => Math.max(a, b));
  return high - low + 1;
};
