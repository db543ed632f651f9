/**
 * Attack: weights by Legendre symbols and small subgroups of an answer's randomness.
 *
 * @module
 */
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../sdk/paillier/public/big_integer.ts";
import { gcd, modPower } from "../../sdk/paillier/public/modular.ts";
import { Pacer } from "../../sdk/support/pacing.ts";
import { generatePrime } from "../../sdk/paillier/private/primes.ts";
import { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import { platformRandom } from "../../sdk/support/random.ts";
import { HostileClient } from "../client/hostile_client.ts";
import { type Finding, finding } from "../report/report.ts";
import {
  type AttackContext,
  layerSeen,
  roundName,
} from "../client/attack_context.ts";

/** Inputs whose weights are looked for. */
const maxColumns = 24;

/** Weights modulo 2 by the Legendre symbols of answers. */
export const parity = (context: AttackContext) => bySubgroup(context, 2);

/** Weights modulo 3, with a key such that 3 divides p - 1. */
export const smooth = (context: AttackContext) => bySubgroup(context, 3);

/**
 * Encrypts zeros with randomness of the attacker's choice: the randomness of one
 * input has character w of order l modulo p, that of all others character 1. An
 * answer's character would then tell a weight modulo l.
 */
async function bySubgroup(
  context: AttackContext,
  order: 2 | 3,
): Promise<Finding> {
  const { target } = context;
  const round = target.scoreRound;
  const key = order === 2 ? context.client.key : await keyWithFactor3();
  using own = new HostileClient(target.url, target.name, key);
  const samples = await own.openWidest();
  const { layout } = own.plan.rounds[round];
  const token = await own.tokenFor(round);
  const layer = await layerSeen({ ...context, client: own }, round, token);
  const columns = Math.min(maxColumns, layer.inputs, context.queries);
  const [p] = key.exportPrimes();
  const character = (c: bigint) => modPower(c, (p - 1n) / BigInt(order), p);
  const zero = (wanted: (c: bigint) => boolean) => {
    for (;;) {
      const r = randomBelow(own.modulus);
      const c = modPower(r, own.modulus, own.modulus ** 2n);
      if (wanted(character(c))) return c;
    }
  };
  const size = key.publicKey.ciphertextBytes;
  const plain = bytesFromBigInt(zero((value) => value === 1n), size);
  const marked = zero((value) => value !== 1n);
  const generator = character(marked);
  const classes = [1n, generator, generator * generator % p];

  let right = 0, guesses = 0;
  for (let column = 0; column < columns; column++) {
    const ciphertexts = new Uint8Array(layer.inputs * size);
    for (let i = 0; i < layer.inputs; i++) ciphertexts.set(plain, i * size);
    ciphertexts.set(bytesFromBigInt(marked, size), column * size);
    const answer = await own.send(round, token, ciphertexts);
    const outputs = await target.truth.orderOf(own.plan, round, answer.token);
    for (let at = 0; at * size < answer.ciphertexts.length; at++) {
      const value = answer.ciphertexts.subarray(at * size, (at + 1) * size);
      const found = classes.indexOf(character(bigIntFromBytes(value)));
      const row = layer.rows[outputs[at * layout.valuesPerCiphertext]];
      const residue = ((row[column] % order) + order) % order;
      if (found === residue) right++;
      guesses++;
    }
  }
  Object.assign(context.client.spent, own.spent);
  return finding(
    roundName(target, round),
    `weights modulo ${order} by characters of order ${order} modulo p${
      samples > 1 ? "" : ", one sample"
    }`,
    {
      scaledDown: columns < layer.inputs
        ? `${columns} of ${layer.inputs} inputs`
        : null,
      recovered: right / guesses,
      chance: 1 / order,
    },
  );
}

/** As a user's key, but that 3 divides p - 1. */
async function keyWithFactor3(): Promise<PrivateKey> {
  const options = { of: 2, random: platformRandom, pacer: new Pacer() };
  const prime = () => generatePrime(256, options);
  let p = await prime();
  while (p % 3n !== 1n) p = await prime();
  for (;;) {
    const q = await prime();
    if (
      p !== q && gcd(p - 1n, q - 1n) === 2n &&
      gcd(p * q, (p - 1n) * (q - 1n)) === 1n
    ) {
      return PrivateKey.fromPrimes(p, q);
    }
  }
}
