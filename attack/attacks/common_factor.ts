/**
 * Attack: the scale of blinded scores as the common factor of their differences.
 *
 * @module
 */
import { gcd } from "../../sdk/paillier/public/modular.ts";
import { likelyInput } from "../measure/clone.ts";
import { type Finding, finding } from "../report/report.ts";
import {
  type AttackContext,
  layerSeen,
  roundName,
} from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";

const calls = 8;

/** The scale of blinded scores as the common factor of their differences. */
export async function commonFactor(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const round = target.scoreRound;
  await client.open(1);
  const token = await client.tokenFor(round);
  const layer = await layerSeen(context, round, token);
  const random = uniformFrom("common factor");
  const factors: bigint[] = [];
  for (let i = 0; i < calls; i++) {
    const x = likelyInput(layer, layer.inputs, random);
    const { accumulators: { samples: [values] } } = await client.ask(
      round,
      token,
      [x],
    );
    factors.push(
      Array.from(values).reduce(
        (factor, value) => gcd(factor, BigInt(Math.abs(value - values[0]))),
        0n,
      ),
    );
  }
  return finding(
    roundName(target, round),
    `greatest common factors of the differences in ${calls} calls: ${
      factors.join(", ")
    }`,
  );
}
