/**
 * Attack: hidden decoys as the channels that the next round ignores.
 *
 * @module
 */
import { type Finding, finding } from "../report/report.ts";
import { inputLength } from "../client/hostile_client.ts";
import { areaUnderCurve } from "../measure/scoring.ts";
import { type AttackContext, roundName } from "../client/attack_context.ts";

/**
 * Hidden decoys by what the next round does with them: one channel after the other
 * is set to its greatest value, and answers are compared with those of zeros,
 * sorted, for orders differ.
 */
export async function ignoredChannels(
  context: AttackContext,
): Promise<Finding> {
  const { client, target } = context;
  const round = 1;
  const { model: { manifest }, guarded } = target.truth;
  const [original] = manifest.rounds[0].outputShape;
  const [channels] = guarded.model.manifest.rounds[0].outputShape;
  if (target.scoreRound < 2 || channels === original) {
    return finding(roundName(target, 0), "no hidden decoys in the first round");
  }
  await client.open(1);
  const token = await client.tokenFor(round);
  const { layout } = client.plan.rounds[round];
  const length = inputLength(layout), size = length / channels;
  const { high } = guarded.model.manifest.rounds[round].terms[0];
  const ask = async (channel: number | null) => {
    const x = new Float64Array(length);
    if (channel !== null) x.fill(high, channel * size, (channel + 1) * size);
    const { accumulators } = await client.ask(round, token, [x]);
    return accumulators.samples[0].toSorted();
  };
  const zeros = await ask(null);
  const order = await target.truth.orderOf(client.plan, 0, token);
  const real: number[] = [], decoys: number[] = [];
  for (
    let channel = 0;
    channel < Math.min(channels, context.queries);
    channel++
  ) {
    const answer = await ask(channel);
    const change = answer.reduce(
      (max, value, i) => Math.max(max, Math.abs(value - zeros[i])),
      0,
    );
    (order[channel] < original ? real : decoys).push(change);
  }
  return finding(
    roundName(target, 0),
    `${
      channels - original
    } hidden decoys among ${channels} channels, by whether the next round heeds them`,
    { decoyAuc: areaUnderCurve(real, decoys) },
  );
}
