import { type Finding, finding } from "../report.ts";
import { compareRows, zeroShare } from "../scoring.ts";
import {
  firstWeights,
  hiddenDenseRound,
  layerSeen,
  roundName,
  type Siege,
} from "../siege.ts";
import { readColumns } from "./read_columns.ts";

/** Of a wide layer so many inputs are read: the others go the same way. */
const mostColumns = 128;
const mostScoredRows = 64;

/** The first hidden dense layer, input by input, orders undone by fingerprints. */
export async function hiddenDense(siege: Siege): Promise<Finding> {
  const { client, target } = siege;
  const round = hiddenDenseRound(target);
  if (round < 0) return finding("", "the model has no hidden dense layer");
  const samples = await client.openWidest();
  const token = await client.tokenFor(round);
  const { widened } = target.truth.guarded;
  const layer = await layerSeen(siege, round, token, widened);
  const { inputs, high } = layer;
  const columns = Math.min(inputs, siege.queries, mostColumns);
  const outputs = target.truth.model.manifest.rounds[round].outputShape[0];
  const truth = firstWeights(
    layer.rows.slice(0, Math.min(outputs, mostScoredRows)),
    columns,
  );
  const compare = (rows: Float64Array[]) =>
    compareRows(firstWeights(rows, columns), truth);
  const { found, curve } = await readColumns(siege, {
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
