import type { BlobStore } from "../blobs/blob_store.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { KeyStore } from "../keys/key_store.ts";
import { QueueSealer } from "./offline_queue_sealing.ts";
import { platformRandom, type RandomSource } from "../support/random.ts";
import type { Answer, InferOptions, Session } from "../session/session.ts";

/** Options of {@linkcode OfflineQueue.open}. */
export interface OfflineQueueOptions {
  /** Where the encrypted readings lie: a store of the queue's own. */
  store: BlobStore;
  /**
   * Its current key encrypts new readings; earlier ones need the key that was
   * current then, so forget retired keys only while the queue is empty.
   */
  keys: KeyStore;
  /** Readings that wait at most, those under way not counted. Default 1000. */
  capacity?: number;
  /** What happens to a reading too many. Default `refuse`. */
  whenFull?: "refuse" | "drop-oldest";
  /** Source of nonces. */
  random?: RandomSource;
}

/** What became of a reading. */
export type QueuedOutcome =
  /** Number of the reading, and what the model says. */
  | { id: number; answer: Answer }
  /** The model does not take such a reading (a `RangeError` of `infer`), or it was damaged on the disk. */
  | { id: number; refused: string };

/** What {@linkcode OfflineQueue.add} did. */
export interface AddResult {
  /** Numbers grow with every reading and are never used again. */
  id: number;
  /** Number of the reading that had to go for it. */
  dropped: number | null;
}

/** Options of {@linkcode OfflineQueue.process}. */
export interface ProcessOptions extends InferOptions {
  /** Waits for further readings when all are done, until the signal aborts. */
  follow?: boolean;
}

/** What lies in the store under a number. */
type Entry = "reading" | "outcome" | "mark";

/**
 * Readings that wait on disk, encrypted, until the cloud can be reached, and are
 * then sent in order. Each has exactly one outcome, whatever crashes in between:
 * recording the outcome and removing the reading is one replacement of one blob,
 * and the outcome stays until the caller has dealt with it.
 *
 * One process at a time may use a queue's store.
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
 * // for await (const { id, answer } of queue.process(session)) await publish(id, answer);
 * ```
 */
export class OfflineQueue {
  readonly #store: BlobStore;
  readonly #sealer: QueueSealer;
  readonly #capacity: number;
  readonly #whenFull: "refuse" | "drop-oldest";
  /** In order of the numbers, as a Map keeps them. */
  readonly #entries: Map<number, Entry>;
  readonly #underWay = new Set<number>();
  #nextId: number;
  #processing = false;
  #changes: Promise<unknown> = Promise.resolve();
  readonly #additions = new EventTarget();

  private constructor(
    options: OfflineQueueOptions,
    entries: Map<number, Entry>,
  ) {
    this.#store = options.store;
    this.#sealer = new QueueSealer(
      options.keys,
      options.random ?? platformRandom,
    );
    this.#capacity = options.capacity ?? 1000;
    this.#whenFull = options.whenFull ?? "refuse";
    this.#entries = entries;
    this.#nextId = Math.max(-1, ...entries.keys()) + 1;
  }

  /**
   * Opens a queue, with whatever it held when the process ended.
   *
   * @throws {RangeError} if the capacity is not a positive integer
   */
  static async open(options: OfflineQueueOptions): Promise<OfflineQueue> {
    const { store, capacity = 1000 } = options;
    if (!Number.isSafeInteger(capacity) || capacity < 1) {
      throw new RangeError(
        `Cannot open queue: expected a capacity of 1 or more, got ${capacity}`,
      );
    }
    const ids = (await store.list()).flatMap(idOf).sort((a, b) => a - b);
    const entries = new Map<number, Entry>();
    for (const id of ids) {
      const blob = await store.read(nameOf(id));
      if (blob) entries.set(id, blob.length === 0 ? "mark" : kindOf(blob));
    }
    const queue = new OfflineQueue(options, entries);
    // What a crash left half done: marks that have served, a reading too many.
    await queue.#removeMarks();
    while (queue.waiting > capacity) await queue.#dropOldest();
    return queue;
  }

  /** Readings that wait or are under way. */
  get waiting(): number {
    return this.#idsOf("reading").length;
  }

  /**
   * Takes a reading in; when this resolves, it is on the disk.
   *
   * @throws {CipherlayerError} "queue-full" if there are `capacity` readings and
   * the queue refuses more; "key-missing" if the key store holds no key
   */
  add(reading: ArrayLike<number>): Promise<AddResult> {
    return this.#change(async () => {
      const full = this.waiting - this.#underWay.size >= this.#capacity;
      if (full && this.#whenFull === "refuse") {
        throw new CipherlayerError(
          "queue-full",
          `Cannot queue reading: expected room, got ${this.#capacity} readings that wait`,
          { retryable: true },
        );
      }
      const id = this.#nextId++;
      await this.#write(id, "reading", encodeReading(reading));
      await this.#removeMarks();
      const dropped = full ? await this.#dropOldest() : null;
      this.#additions.dispatchEvent(new Event("added"));
      return { id, dropped };
    });
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
      for (;;) {
        for (const id of this.#idsOf("outcome")) {
          yield await this.#outcome(id);
          await this.#change(() => this.#remove(id));
        }
        options.signal?.throwIfAborted();
        const batch = this.#idsOf("reading").slice(0, session.plan.samples);
        if (batch.length > 0) await this.#send(batch, session, options);
        else if (options.follow) await this.#addition(options.signal);
        else return;
      }
    } finally {
      this.#processing = false;
    }
  }

  /** Evaluates readings together and records their outcomes one by one. */
  async #send(
    ids: number[],
    session: Session,
    options: InferOptions,
  ): Promise<void> {
    for (const id of ids) this.#underWay.add(id);
    try {
      const readings = new Map<number, Float64Array>();
      for (const id of ids) {
        try {
          readings.set(id, decodeReading(await this.#read(id)));
        } catch (error) {
          await this.#record(id, { refused: damage(error) });
        }
      }
      const outcomes = await inferEach(
        session,
        [...readings.values()],
        options,
      );
      for (const [i, id] of [...readings.keys()].entries()) {
        await this.#record(id, outcomes[i]);
      }
    } finally {
      for (const id of ids) this.#underWay.delete(id);
    }
  }

  /** From here on the outcome is there and the reading is not, at one stroke. */
  #record(id: number, outcome: InferenceOutcome): Promise<void> {
    const text = JSON.stringify({ id, ...outcome });
    return this.#change(() =>
      this.#write(id, "outcome", new TextEncoder().encode(text))
    );
  }

  async #outcome(id: number): Promise<QueuedOutcome> {
    try {
      return JSON.parse(new TextDecoder().decode(await this.#read(id)));
    } catch (error) {
      return { id, refused: damage(error) };
    }
  }

  async #read(id: number): Promise<Uint8Array<ArrayBuffer>> {
    const name = nameOf(id);
    return await this.#sealer.open(name, await this.#store.read(name));
  }

  async #write(
    id: number,
    entry: "reading" | "outcome",
    content: Uint8Array<ArrayBuffer>,
  ): Promise<void> {
    const name = nameOf(id);
    const sealed = await this.#sealer.seal(name, kinds[entry], content);
    await this.#store.write(name, sealed);
    this.#entries.set(id, entry);
  }

  /** The newest number leaves a mark, so that it is not used again after a restart. */
  async #remove(id: number): Promise<void> {
    if (id === this.#nextId - 1) {
      await this.#store.write(nameOf(id), new Uint8Array());
      this.#entries.set(id, "mark");
    } else {
      await this.#store.remove(nameOf(id));
      this.#entries.delete(id);
    }
  }

  async #removeMarks(): Promise<void> {
    for (const id of this.#idsOf("mark")) {
      if (id < this.#nextId - 1) await this.#remove(id);
    }
  }

  async #dropOldest(): Promise<number | null> {
    const oldest = this.#idsOf("reading").find((id) => !this.#underWay.has(id));
    if (oldest === undefined) return null;
    await this.#remove(oldest);
    return oldest;
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

  #idsOf(wanted: Entry): number[] {
    return [...this.#entries].flatMap(([id, entry]) =>
      entry === wanted ? [id] : []
    );
  }

  /** Changes of the store happen one after another. */
  #change<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#changes.then(change);
    this.#changes = result.catch(() => {});
    return result;
  }
}

type InferenceOutcome = { answer: Answer } | { refused: string };

/** One outcome for each reading: one that the model refuses does not stop the others. */
async function inferEach(
  session: Session,
  readings: Float64Array[],
  options: InferOptions,
): Promise<InferenceOutcome[]> {
  const { signal, clamp } = options;
  try {
    const answers = await session.inferMany(readings, { signal, clamp });
    return answers.map((answer) => ({ answer }));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    if (readings.length === 1) return [{ refused: error.message }];
  }
  const outcomes: InferenceOutcome[] = [];
  for (const reading of readings) {
    outcomes.push(...await inferEach(session, [reading], options));
  }
  return outcomes;
}

/** The message of an error that tells of damage; others are thrown on. */
function damage(error: unknown): string {
  const damaged = error instanceof CipherlayerError &&
    error.code === "queue-corrupt";
  if (!damaged) throw error;
  return error.message;
}

/** First byte of a blob. */
const kinds = { reading: 1, outcome: 2 } as const;

function kindOf(blob: Uint8Array): "reading" | "outcome" {
  return blob[0] === kinds.outcome ? "outcome" : "reading";
}

function nameOf(id: number): string {
  return `${id}.queued`;
}

function idOf(name: string): number[] {
  const digits = /^(\d{1,15})\.queued$/.exec(name)?.[1];
  return digits ? [Number(digits)] : [];
}

/** Little-endian doubles. */
function encodeReading(reading: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  const view = new DataView(new ArrayBuffer(8 * reading.length));
  for (let i = 0; i < reading.length; i++) {
    view.setFloat64(8 * i, reading[i], true);
  }
  return new Uint8Array(view.buffer);
}

function decodeReading(bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Float64Array.from(
    { length: bytes.length / 8 },
    (_, i) => view.getFloat64(8 * i, true),
  );
}
