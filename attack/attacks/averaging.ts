/**
 * Attack: one input again and again, until the noise of a hidden round averages out.
 *
 * @module
 */
import { type Finding, finding } from "../report/report.ts";
import { likelyInput } from "../measure/clone.ts";
import { scoresOf } from "../client/layer.ts";
import {
  type AttackContext,
  hiddenDenseRound,
  layerSeen,
  roundName,
} from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";

const repetitions = 32;

/**
 * One input again and again under fresh encryptions: the noise of a hidden round
 * averages out. Outputs are distinguished by their rank.
 */
export async function averaging(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const round = hiddenDenseRound(target);
  if (round < 0) return finding("", "the model has no hidden dense layer");
  await client.open(1);
  const token = await client.tokenFor(round);
  const layer = await layerSeen(context, round, token);
  const x = likelyInput(layer, layer.inputs, uniformFrom("averaging"));
  const truth = scoresOf(layer.rows, x).toSorted();
  const count = Math.min(repetitions, context.queries);
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
