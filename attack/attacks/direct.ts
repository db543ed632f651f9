import { agreement, labelOnlyAgreement } from "../measure/clone.ts";
import { scoresOf } from "../client/layer.ts";
import { type CurvePoint, type Finding, finding } from "../report/report.ts";
import { scoreLayer } from "../client/score_layer.ts";
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

/** Columns that are read one at a time where samples cannot be packed. */
export const columnsOneByOne = 48;

/**
 * Direct solve of the scores' layer: one input after the other at its greatest
 * value, all others zero; places are taken for the same neurons in all answers.
 */
export async function direct(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const round = target.scoreRound;
  const samples = await client.openWidest();
  const token = await client.tokenFor(round);
  const layer = await scoreLayer(context, token);
  const { inputs, high } = layer.guarded;
  const columns = Math.min(
    inputs,
    context.queries - 1,
    samples > 1 ? inputs : columnsOneByOne,
  );
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
    agreement: agreement(
      layer.owners,
      columns,
      (x) => labels[indexOfLargest(scoresOf(found, x.subarray(0, columns)))],
    ),
    labelOnlyAgreement: labelOnlyAgreement(
      layer.owners,
      columns,
      client.spent.queries,
    ),
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
