/**
 * Spreads batches of encryptions and decryptions over threads.
 *
 * @module
 */
import { bitLength } from "../public/big_integer.ts";
import {
  type EngineOptions,
  OwnerEngine,
  type Randomiser,
} from "../private/owner_engine.ts";
import type { Pacer } from "../../support/pacing.ts";
import type { SecretPrimes } from "../private/private_key.ts";
import { WorkerPool } from "./worker_pool.ts";
import type { WorkerTask } from "./worker_tasks.ts";

/** Batches of this much work make it worth starting threads, */
const startFromMs = 40;
/** and those of this much are shared once they run. */
const shareFromMs = 8;

/** About what a power modulo p^2 takes for a prime of 1024 bits. */
const powerMs = { "wasm": 0.6, "wasm-unfused": 1.3, "bigint": 4 };

/** Longest tasks: short enough to balance the threads and to obey signals. */
const maxCiphertexts = 8;
const maxRandomisers = 16;

/**
 * The engine's work in batches: on threads once they hold the key, on the calling
 * thread until then, and for good where there are none or one fails.
 */
export class ParallelEngine implements Disposable {
  readonly #engine: OwnerEngine;
  readonly #primes: SecretPrimes;
  readonly #options: EngineOptions;
  readonly #threads: number;
  readonly #decryptMs: number;
  #workers: WorkerPool | undefined;

  /**
   * @param options `threads`: how many to start; below 2 none
   */
  constructor(
    primes: SecretPrimes,
    options: EngineOptions & { threads: number },
  ) {
    this.#engine = new OwnerEngine(primes, options);
    this.#primes = primes;
    this.#options = options;
    // Threads draw from the platform, which a caller's own source rules out.
    this.#threads = options.random === undefined ? options.threads : 0;
    // The cost grows with the cube of the length.
    const size = primes.reduce((sum, p) => sum + (bitLength(p) / 1024) ** 3, 0);
    this.#decryptMs = powerMs[options.kernel.name] * size;
  }

  /** Threads that share the work now. */
  get threads(): number {
    return this.#workers?.threads ?? 0;
  }

  /** Does now what the first batches would wait for: threads, or the table. */
  async prepare(): Promise<void> {
    await this.#start()?.started;
    if (this.threads === 0) await this.#engine.prepareEncryption();
  }

  /**
   * Draws fresh randomisers.
   *
   * @param take gets each as soon as it is there, so that none is lost if the rest
   * is called off
   */
  async randomisers(
    count: number,
    pacer: Pacer,
    take: (randomiser: Randomiser) => void,
  ): Promise<void> {
    let drawn = 0;
    // They come in twos: the last of an odd number is not wanted.
    const give = (randomiser: Randomiser) => {
      if (drawn < count) take(randomiser);
      drawn++;
    };
    // An encryption costs about a sixth of a decryption.
    const workers = this.#share(count * this.#decryptMs / 6);
    if (workers) {
      const tasks = split(count, maxRandomisers, workers.threads)
        .map(([from, to]): WorkerTask => ({
          kind: "randomisers",
          count: to - from + (to - from) % 2,
        }));
      await workers.run(tasks, {
        signal: pacer.signal,
        receive: (values) => {
          for (let i = 0; i < values.length; i += 2) {
            give({ a: values[i], b: values[i + 1] });
          }
        },
      });
    }
    if (drawn >= count) return;
    await this.#engine.prepareEncryption();
    pacer.signal?.throwIfAborted();
    while (drawn < count) {
      if (pacer.due()) await pacer.pause();
      this.#engine.randomisers().forEach(give);
    }
  }

  /** The plaintexts of ciphertexts in (0, N^2). */
  async decrypt(ciphertexts: Uint8Array[], pacer: Pacer): Promise<bigint[]> {
    const workers = this.#share(ciphertexts.length * this.#decryptMs);
    if (workers) {
      const count = ciphertexts.length;
      const tasks = split(count, maxCiphertexts, workers.threads)
        .map(([from, to]): WorkerTask => ({
          kind: "decrypt",
          // Copies: a view would take its whole buffer along.
          ciphertexts: ciphertexts.slice(from, to).map((view) => view.slice()),
        }));
      const values = await workers.run(tasks, { signal: pacer.signal });
      if (values) return values.flat();
    }
    pacer.signal?.throwIfAborted();
    const plaintexts: bigint[] = [];
    for (let at = 0; at < ciphertexts.length; at += 2) {
      if (pacer.due()) await pacer.pause();
      const two = ciphertexts.slice(at, at + 2);
      plaintexts.push(...this.#engine.decryptAll(two));
    }
    return plaintexts;
  }

  /** Ends the threads. */
  [Symbol.dispose](): void {
    this.#workers?.[Symbol.dispose]();
  }

  #share(workMs: number): WorkerPool | undefined {
    if (workMs >= startFromMs) this.#start();
    const useful = workMs >= shareFromMs && this.threads > 0;
    return useful ? this.#workers : undefined;
  }

  #start(): WorkerPool | undefined {
    if (this.#threads < 2) return undefined;
    const { kernel, tableWindowBits } = this.#options;
    return this.#workers ??= new WorkerPool(this.#threads, {
      kind: "open",
      primes: this.#primes,
      kernelName: kernel.name,
      tableWindowBits,
    });
  }
}

/** Ranges [from, to) of even length, at least four a thread. */
function split(
  count: number,
  max: number,
  threads: number,
): [from: number, to: number][] {
  const even = 2 * Math.ceil(count / (8 * threads));
  const length = Math.min(even, max);
  const ranges: [number, number][] = [];
  for (let from = 0; from < count; from += length) {
    ranges.push([from, Math.min(from + length, count)]);
  }
  return ranges;
}
