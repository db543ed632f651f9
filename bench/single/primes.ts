/**
 * Decryption and encryption by the key's owner with keys of two, three and four
 * primes, side by side on one core: how much faster the keys that are made by default
 * are than those of two primes.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import {
  defaultPrimes,
  generatePrivateKey,
} from "../../sdk/paillier/private/key_generation.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { interleave, median, relativeSpread } from "../shared/harness.ts";

const { turns, json } = readScriptArguments(
  new Command("bench/single/primes.ts")
    .description("Keys of two, three and four primes side by side.")
    .option("--turns <n>", "measured turns", wholeNumber(1), 21)
    .option("--json", "print one JSON object", false),
);

const decryptions = 16, encryptions = 64;

/** Milliseconds of this process's processor, which other load disturbs less than the clock. */
async function cpuMs(work: () => Promise<unknown>): Promise<number> {
  const start = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

async function measure(bits: number) {
  using owners = new DisposableStack();
  const decrypt: Record<string, () => Promise<number>> = {};
  const encrypt: Record<string, () => Promise<number>> = {};
  for (const primes of [2, 3, 4] as const) {
    const key = await generatePrivateKey(bits, { primes, insecure: true });
    const owner = owners.use(new PaillierEngine(key, { threads: 0 }));
    const { modulus } = key.publicKey;
    const plaintexts = (count: number) =>
      Array.from({ length: count }, (_, i) => modulus / BigInt(i + 1) - 1n);
    const ciphertexts = await owner.encryptBatch(plaintexts(decryptions));
    decrypt[primes] = async () =>
      await cpuMs(() => owner.decryptBatch(ciphertexts)) / decryptions;
    encrypt[primes] = async () =>
      await cpuMs(() => owner.encryptBatch(plaintexts(encryptions))) /
      encryptions;
  }
  const decrypted = await interleave(decrypt, turns);
  const encrypted = await interleave(encrypt, turns);
  return ["2", "3", "4"].map((primes) => ({
    bits,
    primes: Number(primes),
    decryptMs: median(decrypted[primes]),
    decryptSpread: relativeSpread(decrypted[primes]),
    decryptRatio: median(decrypted[2]) / median(decrypted[primes]),
    encryptMs: median(encrypted[primes]),
    encryptSpread: relativeSpread(encrypted[primes]),
    encryptRatio: median(encrypted[2]) / median(encrypted[primes]),
  }));
}

const rows = [];
for (const bits of [2048, 3072, 4096]) rows.push(...await measure(bits));
const percent = (share: number) => `${Math.round(100 * share)} %`;
if (json) {
  console.log(JSON.stringify({ load: Deno.loadavg(), rows }));
} else {
  console.table(rows.map((row) => ({
    bits: row.bits,
    primes: row.primes === defaultPrimes(row.bits)
      ? `${row.primes} (default)`
      : row.primes,
    "decrypt, ms": row.decryptMs.toFixed(3),
    "spread": percent(row.decryptSpread),
    "x two primes": row.decryptRatio.toFixed(2),
    "encrypt, ms": row.encryptMs.toFixed(3),
    "spread ": percent(row.encryptSpread),
    "x two primes ": row.encryptRatio.toFixed(2),
  })));
  console.log(`Load: ${Deno.loadavg().map((x) => x.toFixed(2)).join(", ")}`);
}
