/**
 * What this machine needs for the operations that the planner counts.
 *
 * @module
 */
import { bytesFromBigInt } from "../../sdk/paillier/public/big_integer.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { gcd } from "../../sdk/paillier/public/modular.ts";
import { defaultPrimes } from "../../sdk/paillier/private/key_generation.ts";
import { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import {
  randomBelow,
  randomBits,
} from "../../sdk/paillier/public/random_integer.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { type Costs, defaultCosts } from "./cost_model.ts";

const batch = 32;
const budgetMs = 1000;
const maxTurns = 15;
/** Runs last about 10 ms, long enough to feel what else the machine does. */
const productsPerRun = (modulusBits: number) =>
  2 * Math.round(2500 * (2048 / modulusBits) ** 2);

/**
 * The planner's costs measured on this machine in about a second: the least of
 * interleaved runs, which other work on the machine disturbs little. What cannot be measured here alone (network, calls) keeps the
 * committed figure, and re-randomisation, which is products, follows theirs.
 *
 * @param modulusBits bits of N, 512 to 4096
 */
export async function calibrateCosts(modulusBits: number): Promise<Costs> {
  const committed = defaultCosts(modulusBits);
  const key = stubKey(modulusBits);
  const { modulus } = key.publicKey;
  using owner = new PaillierEngine(key);
  const plaintexts = Array.from({ length: batch }, () => randomBelow(modulus));
  await owner.fillPool(batch);
  const ciphertexts = await owner.encryptBatch(plaintexts);
  const products = productsPerRun(modulusBits);
  const bank = openBank(modulus, products);

  const figures = await minTimes({
    multiplyMs: () => bank.run(bank.multiplications) / products,
    squareMs: () => bank.run(bank.squarings) / products,
    loadMs: () => bank.load() / batch,
    randomiserMs: async () =>
      await elapsedMs(() => owner.fillPool(batch)) / batch,
    encryptMs: async () => {
      await owner.fillPool(batch);
      return await elapsedMs(() => owner.encryptBatch(plaintexts)) / batch;
    },
    decryptMs: async () =>
      await elapsedMs(() => owner.decryptBatch(ciphertexts)) / batch,
  });
  return {
    ...committed,
    ...figures,
    rerandomiseMs: committed.rerandomiseMs * figures.multiplyMs /
      committed.multiplyMs,
  };
}

/** Runs all in turn until the budget is spent; the first turn warms up. */
async function minTimes<K extends string>(
  operations: Record<K, () => number | Promise<number>>,
): Promise<Record<K, number>> {
  const names = Object.keys(operations) as K[];
  const times = new Map(names.map((name) => [name, [] as number[]]));
  const deadline = performance.now() + budgetMs;
  for (let turn = 0; turn <= maxTurns; turn++) {
    for (const name of names) {
      const time = await operations[name]();
      if (turn > 0) times.get(name)!.push(time);
    }
    if (turn >= 3 && performance.now() > deadline) break;
  }
  return Object.fromEntries(names.map((name) => {
    return [name, Math.min(...times.get(name)!)];
  })) as Record<K, number>;
}

function openBank(modulus: bigint, products: number) {
  const arithmetic = selectKernel().open([modulus, modulus], batch);
  const square = modulus * modulus;
  const inputs = Array.from({ length: batch }, () => {
    const value = randomBelow(square);
    return bytesFromBigInt(value, Math.ceil(square.toString(16).length / 2));
  });
  const load = () =>
    inputs.forEach((bytes, register) => arithmetic.load(register, 0, bytes));
  load();
  const program = (right: (i: number) => number) => {
    const steps = new Uint32Array(3 * products);
    for (let i = 0; i < products; i++) {
      steps.set([i % batch, i % batch, right(i) % batch], 3 * i);
    }
    return steps;
  };
  return {
    multiplications: program((i) => i + 2),
    squarings: program((i) => i),
    run: (program: Uint32Array) => timeMs(() => arithmetic.run(program)),
    load: () => timeMs(load),
  };
}

/**
 * A key for timing alone, shaped as a new one: its factors are odd and random but not
 * prime, which costs nothing to find and changes no operation's time.
 */
function stubKey(modulusBits: number): PrivateKey {
  const count = defaultPrimes(modulusBits);
  for (;;) {
    const factors = Array.from({ length: count }, (_, i) => {
      const bits = Math.floor((modulusBits + i) / count);
      // At least 7/8 of what their length holds, so that the product of four is long enough.
      return randomBits(bits) | 7n << BigInt(bits - 3) | 3n;
    });
    const product = factors.reduce((product, factor) => product * factor);
    const totient = factors.reduce((product, f) => product * (f - 1n), 1n);
    const apart = factors.every((f, i) =>
      factors.slice(0, i).every((g) => gcd(f, g) === 1n)
    );
    if (apart && gcd(product, totient) === 1n) {
      return PrivateKey.fromPrimes(...factors);
    }
  }
}

function timeMs(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}

async function elapsedMs(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
