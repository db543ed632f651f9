/**
 * Attack: the scores' layer from one input after the other.
 *
 * @module
 */
import { judgeClone } from "../measure/clone.ts";
import { type CurvePoint, type Finding, finding } from "../report/report.ts";
import { openScoreLayer, readableColumns } from "../client/score_layer.ts";
import {
  compareRows,
  cosine,
  indexOfLargest,
  zeroShare,
} from "../measure/scoring.ts";
import {
  type AttackContext,
  firstWeights,
  roundName,
} from "../client/attack_context.ts";

/**
 * Direct solve of the scores' layer: one input after the other at its greatest
 * value, all others zero; places are taken for the same neurons in all answers.
 */
export async function direct(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const opened = await openScoreLayer(context);
  const { round, samples, token, layer } = opened;
  const { inputs, high } = layer.guarded;
  // One query is for zeros.
  const columns = readableColumns(opened, context.queries - 1);
  const truth = firstWeights(layer.owners.rows, columns);

  const zero = (await client.ask(round, token, [])).accumulators.samples[0];
  const found = Array.from(zero, (bias) => {
    const row = new Float64Array(columns + 1);
    row[columns] = bias;
    return row;
  });
  const compare = () => compareRows(firstWeights(found, columns), truth);
  const curve: CurvePoint[] = [];
  for (let from = 0; from < columns; from += samples) {
    const units = unitInputs(
      from,
      Math.min(columns, from + samples),
      inputs,
      high,
    );
    const { accumulators } = await client.ask(round, token, units);
    units.forEach((_, s) =>
      found.forEach((row, o) =>
        row[from + s] = (accumulators.samples[s][o] - zero[o]) / high
      )
    );
    const { queries } = client.spent;
    curve.push({ queries, recovered: compare().recovered });
  }
  const { recovered, cosine: similarity } = compare();
  const labels = labelsOf(firstWeights(found, columns), truth);
  return finding(roundName(target, round), "", {
    scaledDown: columns < inputs ? `${columns} of ${inputs} inputs` : null,
    recovered,
    chance: zeroShare(truth),
    cosine: similarity,
    ...judgeClone(layer.owners, {
      rows: found,
      labels,
      columns,
      queries: client.spent.queries,
    }),
    curve,
    outcome: "inputs one by one, differences taken place by place",
  });
}

/** Inputs from..to-1 at `high`, each alone. */
export function unitInputs(
  from: number,
  to: number,
  length: number,
  high: number,
): Float64Array[] {
  return Array.from({ length: to - from }, (_, i) => {
    const x = new Float64Array(length);
    x[from + i] = high;
    return x;
  });
}

/** The label of each found row: that of the true row most like it. */
export function labelsOf(
  found: readonly Float64Array[],
  truth: readonly Float64Array[],
): number[] {
  return found.map((row) =>
    indexOfLargest(truth.map((candidate) => cosine(candidate, row)))
  );
}
