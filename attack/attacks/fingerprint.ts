/**
 * Attack: the scores' layer although orders, scales and shifts change, by fingerprints of
 * its columns.
 *
 * @module
 */
import { judgeClone, likelyInput } from "../measure/clone.ts";
import { scoresOf } from "../client/layer.ts";
import { type Finding, finding } from "../report/report.ts";
import {
  openScoreLayer,
  readableColumns,
  type ScoreLayer,
} from "../client/score_layer.ts";
import {
  areaUnderCurve,
  centreColumns,
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
import { uniformFrom } from "../measure/uniform.ts";
import { labelsOf } from "./direct.ts";
import { readColumns } from "./read_columns.ts";

const hullInputs = 2000;

/**
 * The scores' layer, undoing orders, scales and shifts by fingerprints; then which
 * rows are decoys: those that are never the largest, whatever the inputs.
 */
export async function fingerprint(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const opened = await openScoreLayer(context);
  const { round, samples, token, layer } = opened;
  const { inputs, high } = layer.guarded;
  const columns = readableColumns(opened, context.queries);
  const { found, curve } = await readColumns(context, {
    round,
    token,
    samples,
    columns,
    inputs,
    high,
    scaled: true,
    recovered: (rows) => recovery(rows, layer, columns).recovered,
  });
  const { recovered, cosine: similarity, chance } = recovery(
    found,
    layer,
    columns,
  );
  const labels = rowLabels(found, layer, columns);
  return finding(
    roundName(target, round),
    "orders, scales and shifts undone by inputs that are the same in every call",
    {
      scaledDown: columns < inputs ? `${columns} of ${inputs} inputs` : null,
      recovered,
      chance,
      cosine: similarity,
      decoyAuc: hullAuc(found, layer, columns),
      ...judgeClone(layer.owners, {
        rows: found,
        labels,
        columns,
        queries: client.spent.queries,
      }),
      curve,
    },
  );
}

/** Found rows against the real ones, both up to a shift of each column. */
function recovery(found: Float64Array[], layer: ScoreLayer, columns: number) {
  const truth = centreColumns(firstWeights(layer.guarded.rows, columns));
  const real = truth.filter((_, row) => layer.labels[row] >= 0);
  const compared = real.length > 0
    ? compareRows(centreColumns(firstWeights(found, columns)), real, {
      step: layer.factor,
    })
    : compareRows(firstWeights(found, columns), truth, { anySign: true });
  const plain = firstWeights(layer.owners.rows, columns);
  return { ...compared, chance: zeroShare(plain) };
}

/** The label that choosing a found row would give, as a label query tells it. */
function rowLabels(
  found: Float64Array[],
  layer: ScoreLayer,
  columns: number,
): number[] {
  if (layer.labels.every((label) => label < 0)) {
    return labelsOf(
      firstWeights(found, columns),
      firstWeights(layer.owners.rows, columns),
    );
  }
  const truth = centreColumns(firstWeights(layer.guarded.rows, columns));
  return centreColumns(firstWeights(found, columns)).map((row) =>
    layer.labels[indexOfLargest(truth.map((other) => cosine(other, row)))]
  );
}

/** Real rows win somewhere; decoys, below combinations of others, do nowhere. */
function hullAuc(
  found: Float64Array[],
  layer: ScoreLayer,
  columns: number,
): number | null {
  const decoys = layer.labels.filter((label) => label < 0).length;
  if (decoys === 0 || decoys === layer.labels.length) return null;
  const random = uniformFrom("hull");
  const wins = new Float64Array(found.length);
  for (let i = 0; i < hullInputs; i++) {
    const x = likelyInput(layer.owners, columns, random).subarray(0, columns);
    wins[indexOfLargest(scoresOf(found, x))]++;
  }
  const truth = centreColumns(firstWeights(layer.guarded.rows, columns));
  const rows = centreColumns(firstWeights(found, columns));
  const isReal = rows.map((row) =>
    layer.labels[indexOfLargest(truth.map((other) => cosine(other, row)))] >= 0
  );
  return areaUnderCurve(
    Array.from(wins).filter((_, row) => isReal[row]),
    Array.from(wins).filter((_, row) => !isReal[row]),
  );
}
