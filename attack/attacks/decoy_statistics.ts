/**
 * Attack: decoys among the scores by their means over likely inputs.
 *
 * @module
 */
import { sum } from "../../sdk/support/numbers.ts";
import { likelyInput } from "../measure/clone.ts";
import { type Finding, finding } from "../report/report.ts";
import { openScoreLayer } from "../client/score_layer.ts";
import { areaUnderCurve } from "../measure/scoring.ts";
import { type AttackContext, roundName } from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";

const calls = 16;

/** Decoys among the scores by their mean over likely inputs: what never wins lies low. */
export async function decoyStatistics(
  context: AttackContext,
): Promise<Finding> {
  const { client, target } = context;
  const round = target.scoreRound;
  const { scoreLabels } = target.truth.guarded;
  const decoys = scoreLabels.filter((label) => label < 0).length;
  if (decoys === 0 || decoys === scoreLabels.length) {
    return finding(roundName(target, round), "no decoys among the scores");
  }
  const { samples, token, layer: { owners } } = await openScoreLayer(context);
  const random = uniformFrom("decoys");
  const real: number[] = [], false_: number[] = [];
  for (let i = 0; i < Math.min(calls, context.queries / samples); i++) {
    const inputs = Array.from(
      { length: samples },
      () => likelyInput(owners, owners.inputs, random),
    );
    const answer = await client.ask(round, token, inputs);
    const order = await target.truth.orderOf(client.plan, round, answer.token);
    const places = order.length;
    const means = new Float64Array(places);
    for (const values of answer.accumulators.samples) {
      const mean = sum(values) / places;
      const size = Math.sqrt(sum(values.map((v) => (v - mean) ** 2)));
      values.forEach((value, place) => means[place] += (value - mean) / size);
    }
    means.forEach((mean, place) =>
      (scoreLabels[order[place]] >= 0 ? real : false_).push(mean)
    );
  }
  return finding(
    roundName(target, round),
    `places ranked by their mean over the ${samples} inputs of a call`,
    { decoyAuc: areaUnderCurve(real, false_) },
  );
}
