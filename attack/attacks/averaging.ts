import { type Finding, finding } from "../report.ts";
import { likelyInput } from "../clone.ts";
import { scoresOf } from "../layer.ts";
import {
  hiddenDenseRound,
  layerSeen,
  roundName,
  type Siege,
} from "../siege.ts";
import { uniformFrom } from "../uniform.ts";

const repetitions = 32;

/**
 * One input again and again under fresh encryptions: the noise of a hidden round
 * averages out. Outputs are told apart by their rank.
 */
export async function averaging(siege: Siege): Promise<Finding> {
  const { client, target } = siege;
  const round = hiddenDenseRound(target);
  if (round < 0) return finding("", "the model has no hidden dense layer");
  await client.open(1);
  const token = await client.tokenFor(round);
  const layer = await layerSeen(siege, round, token);
  const x = likelyInput(layer, layer.inputs, uniformFrom("averaging"));
  const truth = scoresOf(layer.rows, x).toSorted();
  const count = Math.min(repetitions, siege.queries);
  const total = new Float64Array(truth.length);
  let first = 0;
  for (let i = 0; i < count; i++) {
    const { accumulators } = await client.ask(round, token, [x]);
    accumulators.samples[0].toSorted().forEach((value, rank) =>
      total[rank] += value
    );
    if (i === 0) first = rootMeanSquare(total, truth);
  }
  const last = rootMeanSquare(total.map((value) => value / count), truth);
  return finding(
    roundName(target, round),
    `root mean square of the noise: ${first.toFixed(2)} after 1 query, ${
      last.toFixed(2)
    } after ${count}`,
  );
}

function rootMeanSquare(a: Float64Array, b: Float64Array): number {
  return Math.sqrt(
    a.reduce((sum, value, i) => sum + (value - b[i]) ** 2, 0) / a.length,
  );
}
