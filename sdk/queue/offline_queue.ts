/**
 * Readings that wait in storage, encrypted, until the functions can be reached.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";
import { platformRandom } from "../support/random.ts";
import type { Reading } from "../fixed_point/reading.ts";
import type { Session } from "../session/session.ts";
import { type EvaluateOptions, evaluateReadings } from "./evaluate_readings.ts";
import { QueueSealer } from "./offline_queue_sealing.ts";
import { isFull, QueueBlobs } from "./queue_blobs.ts";
import type {
  AddOptions,
  AddResult,
  OfflineQueueOptions,
  ProcessOptions,
  QueuedOutcome,
} from "./queue_options.ts";
import { encodeReadings, type StoredReadings } from "./stored_readings.ts";

/**
 * Readings that wait on disk, encrypted, until the cloud can be reached, and are
 * then sent in order. Each has exactly one outcome, whatever crashes in between:
 * recording the outcome and removing the reading is one replacement of one blob,
 * and the outcome stays until the caller has dealt with it.
 *
 * One process at a time may use a queue's store; the store's lock sees to it until
 * the queue is disposed of.
 *
 * @example
 * ```ts
 * import { MemoryBlobStore, MemoryKeyStore, OfflineQueue, openKey } from "@cipherlayer/sdk";
 *
 * const keys = new MemoryKeyStore();
 * await openKey(keys);
 * const queue = await OfflineQueue.open({ store: new MemoryBlobStore(), keys, capacity: 2 });
 * await queue.add([0.5, 0.25]);
 * const { id } = await queue.add([1, 0]);
 * if (id !== 1 || queue.waiting !== 2) throw new Error("lost");
 * // Later, when there is a session:
 * // for await (const { id, answer, refused } of queue.process(session)) {
 * //   await publish(id, answer ?? refused);
 * // }
 * ```
 */
export class OfflineQueue implements AsyncDisposable {
  readonly #blobs: QueueBlobs;
  readonly #capacity: number;
  readonly #whenFull: "refuse" | "drop-oldest";
  /** In order of the numbers, as a Set keeps them. */
  readonly #readings: Set<number>;
  /** Those that could not be recorded are here; null: on the disk. */
  readonly #outcomes = new Map<number, QueuedOutcome | null>();
  readonly #unlock: () => Promise<void>;
  readonly #underWay = new Set<number>();
  #processing = false;
  #changes: Promise<unknown> = Promise.resolve();
  readonly #additions = new EventTarget();

  private constructor(
    options: OfflineQueueOptions,
    blobs: QueueBlobs,
    found: { readings: Set<number>; outcomes: Set<number> },
    unlock: () => Promise<void>,
  ) {
    this.#blobs = blobs;
    this.#capacity = options.capacity ?? 1000;
    this.#whenFull = options.whenFull ?? "refuse";
    this.#readings = found.readings;
    for (const id of found.outcomes) this.#outcomes.set(id, null);
    this.#unlock = unlock;
  }

  /**
   * Opens a queue, with whatever it held when the process ended.
   *
   * @throws {RangeError} if the capacity is not a positive integer
   * @throws {CipherlayerError} "queue-locked" if another process uses the store
   */
  static async open(options: OfflineQueueOptions): Promise<OfflineQueue> {
    const { store, keys, random = platformRandom, capacity = 1000 } = options;
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot open queue: expected a capacity of 1 or more, got ${capacity}`,
      );
    }
    const unlock = store.lock ? await store.lock() : () => Promise.resolve();
    if (unlock === null) {
      throw new CipherlayerError(
        "queue-locked",
        "Cannot open queue: expected a store of its own, got one that another process uses",
        { retryable: true },
      );
    }
    try {
      const sealer = new QueueSealer(keys, random);
      const blobs = new QueueBlobs(store, sealer);
      const found = await blobs.find();
      const queue = new OfflineQueue(options, blobs, found, unlock);
      await sealer.prepare();
      // What a crash left half done: a reading too many.
      while (options.whenFull === "drop-oldest" && queue.waiting > capacity) {
        await queue.#dropOldest();
      }
      return queue;
    } catch (error) {
      await unlock();
      throw error;
    }
  }

  /** Readings that wait or are under way. */
  get waiting(): number {
    return this.#readings.size;
  }

  /**
   * Takes a reading in; when this resolves, it is on the disk.
   *
   * @param reading as `Session.infer` takes it; whether it fits the model shows later
   * @throws {TypeError} naming index or name of what is no number
   * @throws {RangeError} if a value is not finite
   * @throws {CipherlayerError} "queue-full" if there are `capacity` readings and
   * the queue refuses more; "key-missing" if the key store holds no key
   */
  async add(
    reading: Reading,
    options: AddOptions = {},
  ): Promise<AddResult> {
    return await this.#take(encodeReadings([reading], options, false));
  }

  /**
   * Takes in readings that stay together: one entry of the queue with one outcome,
   * evaluated in one call of {@linkcode Session.inferMany}.
   *
   * @param readings one or more
   * @throws as {@linkcode add} does; {RangeError} also if there is no reading
   */
  async addBatch(
    readings: readonly Reading[],
    options: AddOptions = {},
  ): Promise<AddResult> {
    if (!(readings.length > 0)) {
      throw new RangeError("Cannot queue readings: expected one or more");
    }
    return await this.#take(encodeReadings(readings, options, true));
  }

  async #take(content: Uint8Array<ArrayBuffer>): Promise<AddResult> {
    return await this.#change(async () => {
      const full = this.waiting - this.#underWay.size >= this.#capacity;
      if (full && this.#whenFull === "refuse") {
        throw new CipherlayerError(
          "queue-full",
          `Cannot queue reading: expected room, got ${this.#capacity} readings that wait`,
          { retryable: true },
        );
      }
      const dropped: number[] = [];
      const id = await this.#append(content, dropped);
      this.#readings.add(id);
      await this.#blobs.sweep();
      if (full && dropped.length === 0) {
        dropped.push(...await this.#dropOldest());
      }
      this.#additions.dispatchEvent(new Event("added"));
      return { id, dropped };
    });
  }

  /**
   * Gives up a reading, or an outcome that was not dealt with.
   *
   * @returns whether it was there and not under way
   */
  remove(id: number): Promise<boolean> {
    return this.#change(async () => {
      const there = this.#readings.has(id) || this.#outcomes.has(id);
      if (!there || this.#underWay.has(id)) return false;
      await this.#remove(id);
      return true;
    });
  }

  /** Lets other processes use the store. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#changes;
    await this.#unlock();
  }

  /**
   * Sends the readings in order, as many at a time as the session's slots hold, and
   * gives each outcome. It is removed when the next one is asked for, so that one
   * that was not dealt with, because the process ended, is given again, the same,
   * under the same number.
   *
   * @throws {TypeError} if the queue is being processed already
   * @throws as {@linkcode Session.infer} does for faults of network and protocol:
   * the readings stay; a `retry` policy without an end waits for the cloud instead
   * @throws {CipherlayerError} `contract-changed` if the model refuses a reading under
   * another contract than the one known: the reading stays
   */
  async *process(
    session: Session,
    options: ProcessOptions = {},
  ): AsyncGenerator<QueuedOutcome, void, void> {
    if (this.#processing) {
      throw new TypeError("Cannot process queue: it is being processed");
    }
    this.#processing = true;
    try {
      const contract = await this.#holdTo(options.contract, session);
      for (;;) {
        for (const [id, unrecorded] of this.#outcomes) {
          yield unrecorded ?? await this.#blobs.readOutcome(id);
          await this.#change(() => this.#remove(id));
        }
        options.signal?.throwIfAborted();
        const batch = this.#oldest(session.plan.samples);
        if (batch.length > 0) {
          await this.#send(batch, session, { ...options, contract });
        } else if (options.follow) await this.#addition(options.signal);
        else return;
      }
    } finally {
      this.#processing = false;
    }
  }

  /** The contract whose refusals are final, remembered from the first time on. */
  async #holdTo(
    accepted: string | undefined,
    session: Session,
  ): Promise<string> {
    const known = await this.#blobs.readContract();
    const contract = accepted ?? known ?? session.contract;
    if (contract !== known) {
      // On a full disk it holds for this run, and is written by the next.
      await this.#blobs.writeContract(contract).catch(() => {});
    }
    return contract;
  }

  /** Evaluates readings together and records their outcomes one by one. */
  async #send(
    ids: number[],
    session: Session,
    options: EvaluateOptions,
  ): Promise<void> {
    for (const id of ids) this.#underWay.add(id);
    try {
      const recorded = new Map<number, QueuedOutcome>();
      const waiting: StoredReadings[] = [];
      for (const id of ids) {
        const found = await this.#blobs.read(id);
        // Recorded before a crash, behind one that could not be.
        if ("outcome" in found) recorded.set(id, found.outcome);
        else waiting.push(found.waiting);
      }
      const evaluated = await evaluateReadings(session, waiting, options);
      // In order, so that after a crash the recorded ones come first.
      for (const id of ids) {
        await this.#record((recorded.get(id) ?? evaluated.get(id))!);
      }
    } finally {
      for (const id of ids) this.#underWay.delete(id);
    }
  }

  /**
   * From here on the outcome is there and the reading is not, at one stroke. Where
   * the disk takes nothing, the outcome is given from memory.
   */
  #record(outcome: QueuedOutcome): Promise<void> {
    return this.#change(async () => {
      const { id } = outcome;
      const recorded = await this.#blobs.record(outcome);
      this.#readings.delete(id);
      this.#outcomes.set(id, recorded ? null : outcome);
    });
  }

  /** Writes readings; on a full disk old ones go first. */
  async #append(
    content: Uint8Array<ArrayBuffer>,
    dropped: number[],
  ): Promise<number> {
    for (;;) {
      try {
        return await this.#blobs.append(content);
      } catch (error) {
        const mayDrop = this.#whenFull === "drop-oldest" && isFull(error) &&
          dropped.length < maxDropped;
        if (!mayDrop) throw error;
        const gone = await this.#dropOldest();
        if (gone.length === 0) throw error;
        dropped.push(...gone);
      }
    }
  }

  async #remove(id: number): Promise<void> {
    this.#readings.delete(id);
    this.#outcomes.delete(id);
    await this.#blobs.remove(id);
  }

  async #dropOldest(): Promise<number[]> {
    const [oldest] = this.#oldest(1);
    if (oldest === undefined) return [];
    await this.#remove(oldest);
    return [oldest];
  }

  /** Up to `count` readings that are not under way. */
  #oldest(count: number): number[] {
    const ids: number[] = [];
    for (const id of this.#readings) {
      if (ids.length === count) break;
      if (!this.#underWay.has(id)) ids.push(id);
    }
    return ids;
  }

  /** Resolves at the next reading; rejects when the signal aborts first. */
  #addition(signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const heard = new AbortController();
      const once = { once: true, signal: heard.signal };
      this.#additions.addEventListener("added", () => {
        heard.abort();
        resolve();
      }, once);
      signal?.addEventListener("abort", () => {
        heard.abort();
        reject(signal.reason);
      }, once);
    });
  }

  /** Changes of the store happen one after another. */
  #change<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => {});
    return result;
  }
}

/**
 * Readings that go for a new one where the disk is full: of its size two make room. Where
 * they do not, something else fills the disk, and dropping more would lose all.
 */
const maxDropped = 2;
