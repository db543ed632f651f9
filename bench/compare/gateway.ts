/**
 * Rows of the gateway: encryption and decryption of one number by the key's owner, on
 * one core, beside python-paillier's method on gmpy2 and paillier-bigint: a key of three
 * primes, as new keys are, beside keys of two, the only ones that the references know.
 *
 * @module
 */
import * as paillierBigint from "paillier-bigint";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { modInverse } from "../../sdk/paillier/public/modular.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
  interleave,
  timeMs,
} from "../shared/harness.ts";
import { benchKey, twoPrimeKey } from "../shared/keys.ts";
import type { ElementwiseCosts } from "./reference/elementwise.ts";
import { installGmpy2, startPython } from "./reference/python.ts";

const turns = 15;
const bits = 2048;
const operations = ["decrypt", "encrypt", "encrypt-pool"] as const;
/** Operations in a turn: enough for the clock, few enough to interleave. */
const counts = { "decrypt": 20, "encrypt": 100, "encrypt-pool": 400 };
const oracleCount = 2;

export const gateway: BenchGroup = {
  names: operations.flatMap((operation) => [
    `${operation}-${bits}`,
    `${operation}-${bits}-vs-paillier-bigint`,
  ]),
  async run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    progress("encryption and decryption at the gateway beside gmpy2");
    const figures = await measure();
    const rows = operations.flatMap((operation) => {
      const ours = figures[operation];
      const name = `${operation}-${bits}`, unit = "ms";
      // Neither reference has a pool: theirs is the whole encryption.
      const theirs = operation === "decrypt" ? operation : "encrypt";
      const { gmpy2, paillierBigint } = figures;
      return [
        compare(
          { name, unit, note: gmpy2 ? null : installGmpy2 },
          ours,
          gmpy2 && { name: "gmpy2", figures: gmpy2[theirs] },
        ),
        compare({ name: `${name}-vs-paillier-bigint`, unit }, ours, {
          name: "paillier-bigint",
          figures: paillierBigint[theirs],
        }),
      ];
    });
    return rows.filter(({ name }) => wants(name));
  },
};

/** Milliseconds of one operation, turn by turn. */
async function measure() {
  const key = benchKey(bits);
  using owner = new PaillierEngine(key, { threads: 0 });
  await using python = await startPython("elementwise.py", [String(bits)]);
  const oracle = oracleKey(twoPrimeKey(bits));
  const one = oracle.publicKey.encrypt(7n);
  const { modulus } = key.publicKey;
  const plaintexts = (count: number) =>
    Array.from({ length: count }, (_, i) => modulus / BigInt(i + 1) - 1n);
  const ciphertexts = await owner.encryptBatch(plaintexts(counts.decrypt));
  const costs: ElementwiseCosts[] = [];
  const encrypt = (count: number) =>
    timeMs(() => owner.encryptBatch(plaintexts(count)));

  const figures = await interleave({
    "decrypt": async () =>
      await timeMs(() => owner.decryptBatch(ciphertexts)) / counts.decrypt,
    "encrypt": async () => await encrypt(counts.encrypt) / counts.encrypt,
    "encrypt-pool": async () => {
      const count = counts["encrypt-pool"];
      await owner.fillPool(count);
      return await encrypt(count) / count;
    },
    "oracle-encrypt": async () =>
      await timeMs(() => repeat(() => oracle.publicKey.encrypt(7n))) /
      oracleCount,
    "oracle-decrypt": async () =>
      await timeMs(() => repeat(() => oracle.decrypt(one))) / oracleCount,
    "gmpy2": async () => {
      if (python !== null) costs.push(await python.measure());
      return 0;
    },
  }, turns);
  return {
    ...figures,
    paillierBigint: {
      encrypt: figures["oracle-encrypt"],
      decrypt: figures["oracle-decrypt"],
    },
    gmpy2: costs.length === 0 ? null : {
      encrypt: costs.map((cost) => 1000 * cost.encrypt),
      decrypt: costs.map((cost) => 1000 * cost.decrypt),
    },
  };
}

function repeat(operation: () => unknown): void {
  for (let i = 0; i < oracleCount; i++) operation();
}

function oracleKey(key: PrivateKey): paillierBigint.PrivateKey {
  const { modulus } = key.publicKey;
  const [p, q] = key.exportPrimes();
  const lambda = (p - 1n) * (q - 1n);
  return new paillierBigint.PrivateKey(
    lambda,
    modInverse(lambda, modulus),
    new paillierBigint.PublicKey(modulus, modulus + 1n),
    p,
    q,
  );
}
