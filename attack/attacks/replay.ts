/**
 * Attack: calls repeated, skipped, and made again with another request.
 *
 * @module
 */
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { equal } from "../../sdk/support/bytes.ts";
import { type Finding, finding } from "../report/report.ts";
import { type AttackContext, roundName } from "../client/attack_context.ts";
import { attempt } from "../client/hostile_client.ts";

/** Calls replayed, skipped, and made again with another request. */
export async function replay(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  const last = target.truth.guarded.guards.length - 1;
  await client.open(1);
  const request = (round: number) =>
    client.owner.encryptBatch(
      Array(inputCiphertexts(client.plan.rounds[round].layout)).fill(1n),
    );
  const scoreToken = await client.tokenFor(target.scoreRound);
  const ciphertexts = await request(target.scoreRound);
  const first = await client.send(target.scoreRound, scoreToken, ciphertexts);
  const again = await client.send(target.scoreRound, scoreToken, ciphertexts);
  const same = equal(first.ciphertexts, again.ciphertexts);
  const outcomes = [
    `the same request again: ${same ? "the same bytes" : "other bytes"}`,
    `the last round with the first token: ${await attempt(async () =>
      await client.send(last, client.token, await request(last))
    )}`,
    `the first round with a later token: ${await attempt(async () =>
      await client.send(0, scoreToken, await request(0))
    )}`,
  ];
  if (last > target.scoreRound) {
    const round = target.scoreRound + 1;
    await client.send(round, first.token, await request(round));
    const spent = await attempt(async () =>
      await client.send(round, first.token, await request(round))
    );
    outcomes.push(`another selector under a used token: ${spent}`);
  }
  return finding(roundName(target, last), outcomes.join("; "));
}
