/**
 * A key owner's encryptions, decryptions and prepared randomness, on as many threads as
 * pay.
 *
 * @module
 */
import { CipherlayerError } from "../../support/errors.ts";
import { machineMemoryBytes } from "../../support/machine_memory.ts";
import type { RandomSource } from "../../support/random.ts";
import { bytesFromBigInt } from "../public/big_integer.ts";
import type { Kernel } from "../public/kernel.ts";
import { makeKeyProof } from "./key_proof_make.ts";
import { encryptWith } from "./owner_engine.ts";
import { isBelow } from "./prime_engine.ts";
import { Pacer } from "../../support/pacing.ts";
import { ParallelEngine } from "../workers/parallel_engine.ts";
import type { PrivateKey } from "./private_key.ts";
import type { PublicKey } from "../public/public_key.ts";
import { RandomiserPool } from "./randomiser_pool.ts";
import { selectKernel } from "../public/select_kernel.ts";
import { availableThreads } from "../workers/worker_pool.ts";

/** How a key's owner computes; the defaults suit gateways. */
export interface PaillierEngineOptions {
  /**
   * `small` does with a few megabytes of tables and without worker threads, and takes
   * twice the products for an encryption; `auto` is small where the machine or container is known
   * to have less than 512 MiB. It gives `poolBytes`, `tableWindowBits` and `threads`
   * their defaults.
   *
   * @default "auto"
   */
  memory?: "auto" | "small";
  /** What does the products; the fastest that is right here by default. */
  kernel?: Kernel;
  /** Source of the randomness of encryptions. */
  random?: RandomSource;
  /**
   * Most memory for prepared randomness, by default 4 MiB, which hold 7,000 randomisers
   * at 2048 bits, or 256 KiB.
   */
  poolBytes?: number;
  /**
   * Fill the pool whenever no call is running, from the first call on.
   */
  fillWhileIdle?: boolean;
  /**
   * Width of the windows of the encryption table, 1 to 12, by default 8 or 4: of a key
   * of 2048 bits and three primes 8 takes 15 MB and 255 products an encryption, modulo
   * the square of one prime each; 4 takes 2 MB and 510.
   */
  tableWindowBits?: number;
  /**
   * Worker threads for large batches, each with its own tables: one for each
   * processor by default, none where memory is small; 0 keeps all work on the calling thread, as do a kernel
   * or a random source of one's own.
   */
  threads?: number;
}

/**
 * Bulk encryption and decryption by the key's owner, who knows the primes. Long
 * batches are shared by worker threads, or give way to the event loop every 40 ms.
 *
 * @example
 * ```ts
 * import { generatePrivateKey, PaillierEngine } from "@cipherlayer/sdk";
 *
 * using owner = new PaillierEngine(await generatePrivateKey(2048));
 * await owner.fillPool(100);
 * const ciphertexts = await owner.encryptBatch([1n, 2n, 3n]);
 * const plaintexts = await owner.decryptBatch(ciphertexts);
 * if (plaintexts.join() !== "1,2,3") throw new Error("wrong plaintexts");
 * ```
 */
export class PaillierEngine implements Disposable {
  /** The public part of the key. */
  readonly publicKey: PublicKey;
  /** Kernel that does the products: "wasm", "wasm-unfused" or "bigint" (`selectKernel`). */
  readonly kernelName: string;
  readonly #key: PrivateKey;
  readonly #engine: ParallelEngine;
  readonly #pool: RandomiserPool;
  readonly #square: Uint8Array;
  readonly #fillWhileIdle: boolean;
  #idle = new AbortController();
  #running = 0;
  #proof: Uint8Array[] | undefined;
  readonly #lifetime = new AbortController();

  /**
   * Tables are built on the first encryption.
   *
   * @throws {RangeError} on options out of range
   */
  constructor(key: PrivateKey, options: PaillierEngineOptions = {}) {
    const small = isSmall(options.memory);
    const oneThread = small || options.kernel !== undefined;
    const {
      kernel = selectKernel(),
      poolBytes = small ? 1 << 18 : 4 << 20,
      tableWindowBits = small ? 4 : 8,
      random,
      threads = oneThread ? 0 : availableThreads(),
    } = options;
    if (!(tableWindowBits >= 1 && tableWindowBits <= 12)) {
      throw new RangeError(
        `Cannot use key: expected tableWindowBits of 1 to 12, got ${tableWindowBits}`,
      );
    }
    this.#key = key;
    this.publicKey = key.publicKey;
    this.kernelName = kernel.name;
    this.#engine = new ParallelEngine(key.exportPrimes(), {
      kernel,
      random,
      tableWindowBits,
      threads,
    });
    this.#pool = new RandomiserPool(poolBytes, key.publicKey.modulusBytes);
    const { modulus, ciphertextBytes } = key.publicKey;
    this.#square = bytesFromBigInt(modulus * modulus, ciphertextBytes);
    this.#fillWhileIdle = options.fillWhileIdle ?? false;
  }

  /** Randomisers that are ready, each good for one encryption. */
  get pooled(): number {
    return this.#pool.size;
  }

  /** Worker threads that share large batches now; 0 until they have started. */
  get threads(): number {
    return this.#engine.threads;
  }

  /** Proof that the key is well-formed, for session start; computed once. */
  keyProof(): Uint8Array[] {
    return this.#proof ??= makeKeyProof(this.#key);
  }

  /**
   * Fresh encryptions, from the pool as far as it reaches.
   *
   * @param plaintexts each in [0, N)
   * @returns ciphertexts one after another, `ciphertextBytes` each, big-endian
   * @throws {RangeError} naming the first plaintext out of range, before any is encrypted
   */
  async encryptBatch(
    plaintexts: bigint[],
    options: { signal?: AbortSignal } = {},
  ): Promise<Uint8Array> {
    const { modulus, ciphertextBytes } = this.publicKey;
    const outside = plaintexts.findIndex((m) => m < 0n || m >= modulus);
    if (outside >= 0) {
      throw new RangeError(
        `Cannot encrypt: expected plaintexts in [0, N), got another at index ${outside}`,
      );
    }
    return await this.#work(options.signal, async (pacer) => {
      const randomisers = this.#pool.take(plaintexts.length);
      const missing = plaintexts.length - randomisers.length;
      if (missing > 0) {
        await this.#engine.randomisers(
          missing,
          pacer,
          (randomiser) => randomisers.push(randomiser),
        );
      }
      const ciphertexts = new Uint8Array(plaintexts.length * ciphertextBytes);
      for (const [index, plaintext] of plaintexts.entries()) {
        if (pacer.due()) await pacer.pause();
        const ciphertext = encryptWith(randomisers[index], plaintext, modulus);
        ciphertexts.set(
          bytesFromBigInt(ciphertext, ciphertextBytes),
          index * ciphertextBytes,
        );
      }
      return ciphertexts;
    });
  }

  /**
   * The plaintexts of many ciphertexts.
   *
   * @param ciphertexts one after another, `ciphertextBytes` each, big-endian
   * @returns the plaintexts in [0, N)
   * @throws {RangeError} if the bytes are not a whole number of ciphertexts
   * @throws {CipherlayerError} "ciphertext-out-of-range" if one is not in (0, N^2)
   */
  async decryptBatch(
    ciphertexts: Uint8Array,
    options: { signal?: AbortSignal } = {},
  ): Promise<bigint[]> {
    const each = this.#split(ciphertexts);
    return await this.#work(
      options.signal,
      (pacer) => this.#engine.decrypt(each, pacer),
    );
  }

  /**
   * Does ahead what the first batches would wait for (about 0.2 s at 2048 bits):
   * starts the threads and builds the tables.
   */
  async prepare(options: { signal?: AbortSignal } = {}): Promise<void> {
    await this.#work(options.signal, () => this.#engine.prepare());
  }

  /** Prepares randomness until `count` encryptions are ready or the pool is full. */
  async fillPool(
    count: number,
    options: { signal?: AbortSignal } = {},
  ): Promise<void> {
    await this.#work(
      options.signal,
      (pacer) => this.#fill(count, pacer),
    );
  }

  /**
   * Drops the prepared randomness alone, as after the machine was stopped: a copy of it
   * may have used the same.
   */
  dropPool(): void {
    this.#pool.clear();
  }

  /** Drops the prepared randomness; running and later calls fail. */
  [Symbol.dispose](): void {
    this.#lifetime.abort(
      new TypeError("Cannot use key: its owner has been disposed"),
    );
    this.#pool.close();
    this.#engine[Symbol.dispose]();
  }

  async #work<T>(
    signal: AbortSignal | undefined,
    task: (pacer: Pacer) => Promise<T>,
  ): Promise<T> {
    const lifetime = this.#lifetime.signal;
    lifetime.throwIfAborted();
    this.#idle.abort();
    this.#running++;
    try {
      const either = signal ? AbortSignal.any([lifetime, signal]) : lifetime;
      const result = await task(new Pacer(either));
      lifetime.throwIfAborted();
      return result;
    } finally {
      this.#running--;
      if (this.#fillWhileIdle && this.#running === 0) {
        this.#idle = new AbortController();
        this.#fillInBackground(AbortSignal.any([lifetime, this.#idle.signal]));
      }
    }
  }

  /** Ends when the pool is full or a call comes; faults then show in that call. */
  async #fillInBackground(signal: AbortSignal): Promise<void> {
    try {
      const pacer = new Pacer(signal);
      await pacer.pause();
      await this.#fill(Infinity, pacer);
    } catch {
      // Aborted, or the engine failed: the next call meets the same fault itself.
    }
  }

  async #fill(count: number, pacer: Pacer): Promise<void> {
    const missing = Math.min(count - this.#pool.size, this.#pool.room);
    if (missing <= 0) return;
    await this.#engine.randomisers(
      missing,
      pacer,
      (randomiser) => this.#pool.add(randomiser),
    );
  }

  #split(ciphertexts: Uint8Array): Uint8Array[] {
    const { ciphertextBytes } = this.publicKey;
    if (ciphertexts.length % ciphertextBytes !== 0) {
      throw new RangeError(
        `Cannot decrypt: expected a multiple of ${ciphertextBytes} bytes, got ${ciphertexts.length}`,
      );
    }
    const count = ciphertexts.length / ciphertextBytes;
    return Array.from({ length: count }, (_, index) => {
      const from = index * ciphertextBytes;
      const ciphertext = ciphertexts.subarray(from, from + ciphertextBytes);
      const usable = isBelow(ciphertext, this.#square) &&
        ciphertext.some((byte) => byte !== 0);
      if (!usable) {
        throw new CipherlayerError(
          "ciphertext-out-of-range",
          `Cannot decrypt: expected ciphertexts in (0, N^2), got another at index ${index}`,
        );
      }
      return ciphertext;
    });
  }
}

const smallBytes = 512 * 2 ** 20;

/** @throws {TypeError} on another word */
function isSmall(memory: "auto" | "small" = "auto"): boolean {
  if (memory !== "auto" && memory !== "small") {
    throw new TypeError(
      `Cannot use key: expected memory to be "auto" or "small", got ${
        JSON.stringify(memory)
      }`,
    );
  }
  return memory === "small" || (machineMemoryBytes() ?? Infinity) < smallBytes;
}
