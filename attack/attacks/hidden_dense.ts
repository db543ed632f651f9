/**
 * Attack: the weights of a hidden dense layer, column by column.
 *
 * @module
 */
import { type Finding, finding } from "../report/report.ts";
import { compareRows, zeroShare } from "../measure/scoring.ts";
import {
  type AttackContext,
  firstWeights,
  hiddenDenseRound,
  layerSeen,
  roundName,
} from "../client/attack_context.ts";
import { readColumns } from "./read_columns.ts";

/** Of a wide layer so many inputs are read: the others go the same way. */
const maxColumns = 128;
const maxScoredRows = 64;

/** The first hidden dense layer, input by input, orders undone by fingerprints. */
export async function hiddenDense(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const round = hiddenDenseRound(target);
  if (round < 0) return finding("", "the model has no hidden dense layer");
  const samples = await client.openWidest();
  const token = await client.tokenFor(round);
  const { widened } = target.truth.guarded;
  const layer = await layerSeen(context, round, token, widened);
  const { inputs, high } = layer;
  const columns = Math.min(inputs, context.queries, maxColumns);
  const outputs = target.truth.model.manifest.rounds[round].outputShape[0];
  const truth = firstWeights(
    layer.rows.slice(0, Math.min(outputs, maxScoredRows)),
    columns,
  );
  const compare = (rows: Float64Array[]) =>
    compareRows(firstWeights(rows, columns), truth);
  const { found, curve } = await readColumns(context, {
    round,
    token,
    samples,
    columns,
    inputs,
    high,
    scaled: false,
    recovered: (rows) => compare(rows).recovered,
  });
  const { recovered, cosine } = compare(found);
  return finding(
    roundName(target, round),
    "inputs one by one, orders undone by fingerprints; inputs at their greatest value drown the noise",
    {
      scaledDown: columns < inputs
        ? `${columns} of ${inputs} inputs, ${truth.length} of ${outputs} rows scored`
        : null,
      recovered,
      chance: zeroShare(truth),
      cosine,
      curve,
    },
  );
}
