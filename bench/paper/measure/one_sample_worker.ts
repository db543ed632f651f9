/**
 * One way to encrypt and decrypt, in a separate process:
 * `one_sample_worker.ts CONTENDER KEY_BITS TURNS` prints `OperationCosts` as JSON.
 *
 * @module
 */
import process from "node:process";
import * as paillierBigint from "paillier-bigint";
import { PaillierEngine } from "../../../sdk/paillier/private/paillier_engine.ts";
import { modInverse, modPower } from "../../../sdk/paillier/public/modular.ts";
import type { PrivateKey } from "../../../sdk/paillier/private/private_key.ts";
import { randomBelow } from "../../../sdk/paillier/public/random_integer.ts";
import { median } from "../../shared/harness.ts";
import { benchKey, type BenchKeyBits, twoPrimeKey } from "../../shared/keys.ts";

/** What one ciphertext costs, and the process at its largest. */
export type OperationCosts = {
  encryptMs: number;
  decryptMs: number;
  encryptCpuMs: number;
  decryptCpuMs: number;
  peakMiB: number;
};

/** In the order of the table. */
export const contenders = [
  "textbook",
  "paillier-bigint",
  "ours",
  "ours, prepared",
] as const;

export type Contender = typeof contenders[number];

interface Cipher {
  /** Ciphertexts in a turn. */
  count: number;
  prepare?(): Promise<void>;
  encrypt(plaintexts: bigint[]): Promise<Uint8Array> | bigint[];
  decrypt(ciphertexts: Uint8Array | bigint[]): Promise<bigint[]> | bigint[];
}

/** As the scheme was published: g = N + 1, r^N, and one power by lambda. */
function textbook(key: PrivateKey): Cipher {
  const { modulus: n } = key.publicKey;
  const [p, q] = key.exportPrimes();
  const square = n * n, lambda = (p - 1n) * (q - 1n);
  const mu = modInverse(lambda, n);
  return {
    count: 2,
    encrypt: (plaintexts) =>
      plaintexts.map((m) =>
        (1n + m * n) * modPower(randomBelow(n), n, square) % square
      ),
    decrypt: (ciphertexts) =>
      (ciphertexts as bigint[]).map((c) =>
        (modPower(c, lambda, square) - 1n) / n * mu % n
      ),
  };
}

function library(key: PrivateKey): Cipher {
  const { modulus: n } = key.publicKey;
  const [p, q] = key.exportPrimes();
  const lambda = (p - 1n) * (q - 1n);
  const oracle = new paillierBigint.PrivateKey(
    lambda,
    modInverse(lambda, n),
    new paillierBigint.PublicKey(n, n + 1n),
    p,
    q,
  );
  return {
    count: 2,
    encrypt: (plaintexts) => plaintexts.map((m) => oracle.publicKey.encrypt(m)),
    decrypt: (ciphertexts) =>
      (ciphertexts as bigint[]).map((c) => oracle.decrypt(c)),
  };
}

/** On one thread, as the others are. */
function ours(key: PrivateKey, prepared: boolean): Cipher {
  const owner = new PaillierEngine(key, {
    threads: 0,
    ...prepared ? {} : { poolBytes: 0 },
  });
  const count = 200;
  return {
    count,
    prepare: prepared ? () => owner.fillPool(count) : undefined,
    encrypt: (plaintexts) => owner.encryptBatch(plaintexts),
    decrypt: (ciphertexts) => owner.decryptBatch(ciphertexts as Uint8Array),
  };
}

async function measure(
  { count, prepare, encrypt, decrypt }: Cipher,
  { publicKey: { modulus } }: PrivateKey,
  turns: number,
): Promise<OperationCosts> {
  // As wide as packed plaintexts are.
  const plaintexts = Array.from({ length: count }, () => randomBelow(modulus));
  const times: [wall: number, cpu: number][][] = [];
  // The first turn warms up.
  for (let turn = 0; turn <= turns; turn++) {
    await prepare?.();
    let ciphertexts: Uint8Array | bigint[] = [], opened: bigint[] = [];
    const encryption = await timed(async () => {
      ciphertexts = await encrypt(plaintexts);
    });
    const decryption = await timed(async () => {
      opened = await decrypt(ciphertexts);
    });
    if (opened.some((plaintext, i) => plaintext !== plaintexts[i])) {
      throw new Error("A decryption differs from what was encrypted");
    }
    if (turn > 0) times.push([encryption, decryption]);
  }
  const middle = (operation: 0 | 1, part: 0 | 1) =>
    median(times.map((turn) => turn[operation][part])) / count;
  return {
    encryptMs: middle(0, 0),
    decryptMs: middle(1, 0),
    encryptCpuMs: middle(0, 1),
    decryptCpuMs: middle(1, 1),
    peakMiB: await peakMiB(),
  };
}

/**
 * Most memory of this process. `resourceUsage` would count its parent's, which the
 * kernel hands on; elsewhere than on Linux it is what there is.
 */
async function peakMiB(): Promise<number> {
  const status = await Deno.readTextFile("/proc/self/status").catch(() => "");
  const peak = status.match(/^VmHWM:\s*(\d+) kB$/m)?.[1];
  return Number(peak ?? process.resourceUsage().maxRSS) / 1024;
}

async function timed(
  work: () => Promise<void>,
): Promise<[wall: number, cpu: number]> {
  const cpu = process.cpuUsage(), started = performance.now();
  await work();
  const { user, system } = process.cpuUsage(cpu);
  return [performance.now() - started, (user + system) / 1000];
}

if (import.meta.main) {
  const [contender, bits, turns] = Deno.args;
  const ownKey = contender.startsWith("ours") ? benchKey : twoPrimeKey;
  const key = ownKey(Number(bits) as BenchKeyBits);
  const cipher = contender === "textbook"
    ? textbook(key)
    : contender === "paillier-bigint"
    ? library(key)
    : ours(key, contender.endsWith("prepared"));
  console.log(JSON.stringify(await measure(cipher, key, Number(turns))));
}
