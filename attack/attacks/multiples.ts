/**
 * Attack: ciphertexts that share a factor with the modulus.
 *
 * @module
 */
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import { type Finding, finding } from "../report/report.ts";
import { type AttackContext, roundName } from "../client/attack_context.ts";
import { attempt } from "../client/hostile_client.ts";

/**
 * Ciphertexts that are multiples of p: the power of p in an answer would be a sum
 * of weights. And others that are no units.
 */
export async function multiples(context: AttackContext): Promise<Finding> {
  const { client, target } = context;
  await client.open(1);
  const { modulus, key } = client;
  const [p] = key.exportPrimes();
  const square = modulus * modulus;
  const size = key.publicKey.ciphertextBytes;
  const send = async (value: bigint) => {
    const { layout } = client.plan.rounds[0];
    const ciphertexts = await client.owner.encryptBatch(
      Array(inputCiphertexts(layout)).fill(0n),
    );
    ciphertexts.set(bytesFromBigInt(value, size));
    return await attempt(() => client.send(0, client.token, ciphertexts));
  };
  const bad = { "p u": p * randomBelow(square / p), "0": 0n, "N^2": square };
  const outcomes: string[] = [];
  for (const [name, value] of Object.entries(bad)) {
    outcomes.push(`${name}: ${await send(value)}`);
  }
  return finding(roundName(target, 0), outcomes.join("; "));
}
