/**
 * What every runtime must do alike, as one module that is bundled for the browser
 * and run in Node and Chromium: each check throws at the first difference.
 */
import {
  bigIntFromBytes,
  bytesFromBigInt,
} from "../../sdk/paillier/public/big_integer.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import type { Lane } from "../../sdk/paillier/public/kernel.ts";
import { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { connect } from "../../sdk/session/session.ts";

/** All values are JSON, so that they travel to a page or a process. */
export interface CheckInput {
  /** Primes of a test key, hexadecimal. */
  primes: [p: string, q: string];
  /** Functions to run an inference against, and a reading for their model. */
  url: string;
  model: string;
  reading: number[];
}

export interface CheckReport {
  runtime: string;
  kernel: string;
  /** Modular products compared with BigInt. */
  products: number;
  /** Plaintexts that came back from encryption and decryption. */
  roundTrips: number;
  /** Scores of the inference. */
  scores: number[] | null;
  /** Kernel that the session's answer names. */
  answerKernel: string;
}

/** Runs every check; throws with operands at the first that fails. */
export async function checkRuntime(input: CheckInput): Promise<CheckReport> {
  const [p, q] = input.primes.map((prime) => BigInt(`0x${prime}`));
  const key = PrivateKey.fromPrimes(p, q);
  const products = [256, 512, 1024, 2048, 3072].map(checkProducts);
  const owner = new PaillierEngine(key);
  try {
    const roundTrips = await checkRoundTrips(key, owner);
    const { url, model } = input;
    const session = await connect({ url, model, keys: owner });
    const answer = await session.infer(input.reading);
    await session.close();
    return {
      runtime: navigatorName(),
      kernel: selectKernel().name,
      products: products.reduce((sum, count) => sum + count, 0),
      roundTrips,
      scores: answer.scores,
      answerKernel: answer.kernel,
    };
  } finally {
    owner[Symbol.dispose]();
  }
}

/** Products and squares in both lanes, modulo the squares of two random moduli. */
function checkProducts(modulusBits: number): number {
  const moduli = [oddModulus(modulusBits), oddModulus(modulusBits)] as const;
  const squares = moduli.map((modulus) => modulus * modulus);
  const bytes = Math.ceil(modulusBits / 4);
  const bank = selectKernel().open(moduli, 8);
  let products = 0;
  for (let turn = 0; turn < 8; turn++) {
    const values = Array.from(
      { length: 4 },
      (_, i) => extreme(turn, squares[i % 2]),
    );
    values.forEach((value, i) =>
      bank.load(i, i % 2 as Lane, bytesFromBigInt(value, bytes))
    );
    bank.run(new Uint32Array([4, 0, 2, 5, 1, 3, 6, 0, 0, 7, 1, 1]));
    const expected = [
      values[0] * values[2],
      values[1] * values[3],
      values[0] * values[0],
      values[1] * values[1],
    ];
    expected.forEach((product, i) => {
      const out = new Uint8Array(bytes);
      bank.store(4 + i, i % 2 as Lane, out);
      if (bigIntFromBytes(out) !== product % squares[i % 2]) {
        throw new Error(
          `Wrong product modulo the square of ${moduli[i % 2]}: operands ${
            values.join(", ")
          }`,
        );
      }
      products++;
    });
  }
  return products;
}

/** Encryption and decryption in bulk, from the pool and without, beside the readable form. */
async function checkRoundTrips(
  key: PrivateKey,
  owner: PaillierEngine,
): Promise<number> {
  const { modulus, ciphertextBytes } = key.publicKey;
  const plaintexts = [0n, 1n, modulus - 1n, modulus / 2n, modulus / 3n];
  let trips = 0;
  for (const pooled of [0, plaintexts.length]) {
    await owner.fillPool(pooled);
    const ciphertexts = await owner.encryptBatch(plaintexts);
    const decrypted = await owner.decryptBatch(ciphertexts);
    plaintexts.forEach((plaintext, i) => {
      const ciphertext = bigIntFromBytes(
        ciphertexts.subarray(i * ciphertextBytes, (i + 1) * ciphertextBytes),
      );
      if (decrypted[i] !== plaintext || key.decrypt(ciphertext) !== plaintext) {
        throw new Error(`Plaintext ${plaintext} came back as ${decrypted[i]}`);
      }
      trips++;
    });
  }
  return trips;
}

/** Edge values first, then random ones. */
function extreme(turn: number, square: bigint): bigint {
  if (turn === 0) return square - 1n;
  if (turn === 1) return 1n;
  return randomBelow(square);
}

function oddModulus(bits: number): bigint {
  const top = 1n << BigInt(bits - 1);
  return top | randomBelow(top) | 1n;
}

function navigatorName(): string {
  return globalThis.navigator?.userAgent ?? "node";
}
