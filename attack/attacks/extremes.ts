/**
 * Attack: compared scores by the largest of many answers to one input.
 *
 * @module
 */
import { likelyInput } from "../measure/clone.ts";
import { scoresOf } from "../client/layer.ts";
import { type Finding, finding } from "../report/report.ts";
import { scoreLayer } from "../client/score_layer.ts";
import { type AttackContext, roundName } from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";

const repetitions = 64;

/**
 * Compared scores, one input again and again: the largest answer of all comes near
 * the largest scale times the widest difference of scores.
 */
export async function extremes(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const round = target.scoreRound;
  const guard = target.truth.guarded.guards[round];
  if (guard.kind !== "compared") {
    return finding(
      roundName(target, round),
      "scores are not compared in pairs",
    );
  }
  await client.open(1);
  const token = await client.tokenFor(round);
  const { owners } = await scoreLayer(context, token);
  const x = likelyInput(owners, owners.inputs, uniformFrom("extremes"));
  const count = Math.min(repetitions, context.queries);
  let max = 0;
  for (let i = 0; i < count; i++) {
    const { accumulators: { samples: [values] } } = await client.ask(
      round,
      token,
      [x],
    );
    max = values.reduce((a, b) => Math.max(a, Math.abs(b)), max);
  }
  const scores = scoresOf(owners.rows, x);
  const range = Math.max(...scores) - Math.min(...scores);
  // The scale's bits follow from the slots' width, which the plan tells.
  const found = max / 2 ** (guard.scaleBits + 1);
  return finding(
    roundName(target, round),
    `the widest difference of scores from ${count} queries: ${
      found.toFixed(0)
    }, in truth ${range}, off by ${
      (100 * Math.abs(found / range - 1)).toFixed(0)
    } %; of the others nothing`,
  );
}
