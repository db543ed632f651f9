import type { BlobStore } from "../blobs/blob_store.ts";
import { CipherlayerError } from "../support/errors.ts";
import { quantise } from "../fixed_point/quantise.ts";
import { copyOfReading, type Reading } from "../fixed_point/reading.ts";
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

/** A reading whose outcome is told. */
export interface QueuedReading {
  /** Number of the reading. */
  id: number;
  /** When it was taken; null if it was damaged on the disk. */
  takenAt: Date | null;
  /** What was given with it; absent if nothing was, or if it was damaged. */
  meta?: unknown;
}

/** What became of a reading. */
export type QueuedOutcome =
  & QueuedReading
  & (
    /** What the model says; of a batch all answers, of which `answer` is the last. */
    | { answer: Answer; answers?: Answer[]; refused?: undefined }
    /** The model does not take such a reading (`infer` says why), or it was damaged on the disk. */
    | { refused: string; answer?: undefined; answers?: undefined }
  );

/** Options of {@linkcode OfflineQueue.add}. */
export interface AddOptions {
  /** Anything that JSON holds; it is sealed with the reading and comes back with the outcome. */
  meta?: unknown;
  /** When the reading was taken. Default now. */
  takenAt?: Date;
}

/** What {@linkcode OfflineQueue.add} did. */
export interface AddResult {
  /** Numbers grow with every reading and are never used again. */
  id: number;
  /** Numbers of the readings that had to go for it: one too many, or more where the disk was full. */
  dropped: number[];
}

/** Options of {@linkcode OfflineQueue.process}. */
export interface ProcessOptions extends InferOptions {
  /**
   * The contract (`Session.contract`) whose refusals are final. Default: the one under
   * which this queue was first processed. A reading that a session of another contract
   * refuses stays in the queue, and `process` throws `contract-changed`.
   */
  contract?: string;
  /** Waits for further readings when all are done, until the signal aborts. */
  follow?: boolean;
}

/**
 * Readings that wait on disk, encrypted, until the cloud can be reached, and are
 * then sent in order. Each has exactly one outcome, whatever crashes in between:
 * recording the outcome and removing the reading is one replacement of one blob,
 * and the outcome stays until the caller has dealt with it.
 *
 * One process at a time may use a queue's store; a folder's lock sees to it until
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
  readonly #store: BlobStore;
  readonly #sealer: QueueSealer;
  readonly #capacity: number;
  readonly #whenFull: "refuse" | "drop-oldest";
  /** In order of the numbers, as a Set keeps them. */
  readonly #readings: Set<number>;
  /** Those that could not be recorded are here; null: on the disk. */
  readonly #outcomes = new Map<number, QueuedOutcome | null>();
  /** Blobs that have served, and are still to be removed. */
  readonly #served = new Set<number>();
  readonly #unlock: () => Promise<void>;
  readonly #underWay = new Set<number>();
  #nextId: number;
  #processing = false;
  #changes: Promise<unknown> = Promise.resolve();
  readonly #additions = new EventTarget();

  private constructor(
    options: OfflineQueueOptions,
    ids: number[],
    unlock: () => Promise<void>,
  ) {
    this.#store = options.store;
    this.#sealer = new QueueSealer(
      options.keys,
      options.random ?? platformRandom,
    );
    this.#capacity = options.capacity ?? 1000;
    this.#whenFull = options.whenFull ?? "refuse";
    this.#readings = new Set(ids);
    this.#nextId = (ids.at(-1) ?? -1) + 1;
    this.#unlock = unlock;
  }

  /**
   * Opens a queue, with whatever it held when the process ended.
   *
   * @throws {RangeError} if the capacity is not a positive integer
   * @throws {CipherlayerError} "queue-locked" if another process uses the store
   */
  static async open(options: OfflineQueueOptions): Promise<OfflineQueue> {
    const { store, capacity = 1000 } = options;
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
      const ids = (await store.list()).flatMap(idOf).sort((a, b) => a - b);
      const queue = new OfflineQueue(options, ids, unlock);
      await queue.#findServed(ids);
      await queue.#sealer.prepare();
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

  /**
   * Marks are among the two newest blobs, recorded outcomes among the oldest; the
   * rest is not read, so that a queue of any length opens at once.
   */
  async #findServed(ids: number[]): Promise<void> {
    for (const id of ids.slice(-2)) {
      if (isMark(await this.#store.read(nameOf(id)))) {
        this.#readings.delete(id);
        this.#served.add(id);
      }
    }
    for (const id of this.#readings) {
      const blob = await this.#store.read(nameOf(id));
      if (blob?.[0] !== kinds.outcome) break;
      this.#readings.delete(id);
      this.#outcomes.set(id, null);
    }
    await this.#sweep();
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
      const id = await this.#writeNew(content, dropped);
      this.#readings.add(id);
      await this.#sweep();
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
          yield unrecorded ?? await this.#outcome(id);
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
    const bytes = await this.#store.read(contractName);
    const known = bytes ? new TextDecoder().decode(bytes) : null;
    const contract = accepted ?? known ?? session.contract;
    if (contract !== known) {
      // On a full disk it holds for this run, and is written by the next.
      await this.#store.write(contractName, new TextEncoder().encode(contract))
        .catch(() => {});
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
      const outcomes = new Map<number, QueuedOutcome>();
      const readings: DecodedReading[] = [];
      for (const id of ids) {
        try {
          const { kind, content } = await this.#read(id);
          // Recorded before a crash, behind one that could not be.
          if (kind === kinds.outcome) outcomes.set(id, decodeOutcome(content));
          else readings.push({ id, ...decodeReadings(content) });
        } catch (error) {
          outcomes.set(id, { id, takenAt: null, refused: damage(error) });
        }
      }
      const singles = readings.filter(({ batch }) => !batch);
      const results = await inferEach(
        session,
        singles.map(({ values }) => values[0]),
        options,
      );
      for (const [i, reading] of singles.entries()) {
        outcomes.set(reading.id, told(reading, results[i]));
      }
      for (const reading of readings.filter(({ batch }) => batch)) {
        const result = await inferBatch(session, reading.values, options);
        outcomes.set(reading.id, told(reading, result));
      }
      // In order, so that after a crash the recorded ones come first.
      for (const id of ids) await this.#record(outcomes.get(id)!);
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
      const content = new TextEncoder().encode(JSON.stringify(outcome));
      const sealed = await this.#sealer.seal(
        nameOf(id),
        kinds.outcome,
        content,
      );
      const recorded = await this.#store.write(nameOf(id), sealed)
        .then(() => true, () => false);
      this.#readings.delete(id);
      this.#outcomes.set(id, recorded ? null : outcome);
    });
  }

  async #outcome(id: number): Promise<QueuedOutcome> {
    try {
      return decodeOutcome((await this.#read(id)).content);
    } catch (error) {
      return { id, takenAt: null, refused: damage(error) };
    }
  }

  async #read(id: number) {
    const name = nameOf(id);
    const blob = await this.#store.read(name);
    const content = await this.#sealer.open(name, blob);
    return { kind: blob?.[0], content };
  }

  /** Writes under the next number that no folder has; on a full disk old readings go first. */
  async #writeNew(
    content: Uint8Array<ArrayBuffer>,
    dropped: number[],
  ): Promise<number> {
    for (;;) {
      const id = this.#nextId++;
      const sealed = await this.#sealer.seal(
        nameOf(id),
        kinds.reading,
        content,
      );
      try {
        await this.#store.write(nameOf(id), sealed);
        return id;
      } catch (error) {
        if (codeOf(error) === "EISDIR") continue;
        this.#nextId--;
        const mayDrop = this.#whenFull === "drop-oldest" && isFull(error) &&
          dropped.length < maxDropped;
        if (!mayDrop) throw error;
        const gone = await this.#dropOldest();
        if (gone.length === 0) throw error;
        dropped.push(...gone);
      }
    }
  }

  /**
   * The newest number leaves a mark, so that it is not used again after a restart.
   * What the disk does not let go of now is removed at the next change.
   */
  async #remove(id: number): Promise<void> {
    this.#readings.delete(id);
    this.#outcomes.delete(id);
    this.#served.add(id);
    if (id < this.#nextId - 1) return await this.#sweep();
    try {
      await this.#store.write(nameOf(id), Uint8Array.of(kinds.mark));
    } catch {
      // No room for a mark: the blob itself keeps the number until the next one comes.
    }
  }

  async #sweep(): Promise<void> {
    for (const id of this.#served) {
      if (id === this.#nextId - 1) continue;
      try {
        await this.#store.remove(nameOf(id));
        this.#served.delete(id);
      } catch {
        return;
      }
    }
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

type InferenceOutcome =
  | { answer: Answer; answers?: Answer[] }
  | { refused: string };

/** Of an inference, and the contract for which the readings were taken. */
type EvaluateOptions = InferOptions & { contract: string };

/** One outcome for each reading: one that the model refuses does not stop the others. */
async function inferEach(
  session: Session,
  readings: Reading[],
  options: EvaluateOptions,
): Promise<InferenceOutcome[]> {
  const refusals = refusalsOf(session, readings, options);
  const answers = await session.inferMany(
    readings.filter((_, i) => refusals[i] === null),
    options,
  );
  return refusals.map((refusal) =>
    refusal === null
      ? { answer: answers.shift()! }
      : { refused: refusal.message }
  );
}

/** One outcome for all: a reading that the model refuses stops the others. */
async function inferBatch(
  session: Session,
  readings: Reading[],
  options: EvaluateOptions,
): Promise<InferenceOutcome> {
  const refusal = refusalsOf(session, readings, options)
    .find((refusal) => refusal !== null);
  if (refusal) return { refused: refusal.message };
  const answers = await session.inferMany(readings, options);
  return { answer: answers.at(-1)!, answers };
}

/**
 * Why the model does not take each reading; null if it does.
 *
 * @throws {CipherlayerError} `contract-changed` if a model of another contract than
 * the queue's refuses one, which is then kept
 */
function refusalsOf(
  session: Session,
  readings: Reading[],
  { clamp, contract }: EvaluateOptions,
): (Error | null)[] {
  const refusals = readings.map((reading) =>
    refusalOf(session, reading, clamp)
  );
  const cause = refusals.find((refusal) => refusal !== null);
  if (cause && session.contract !== contract) {
    throw new CipherlayerError(
      "contract-changed",
      `Cannot process queue: expected contract ${contract} of a model that refuses a reading, got ${session.contract}`,
      { cause },
    );
  }
  return refusals;
}

/** Why the model does not take the reading; null if it does. */
function refusalOf(
  { plan }: Session,
  reading: Reading,
  clamp?: boolean,
): Error | null {
  try {
    quantise(reading, plan, { clamp });
    return null;
  } catch (error) {
    return error as Error;
  }
}

function told(
  { id, takenAt, meta }: DecodedReading,
  result: InferenceOutcome,
): QueuedOutcome {
  const known = meta === undefined ? { takenAt } : { takenAt, meta };
  return { id, ...known, ...result };
}

/** The message of an error that tells of damage; others are thrown on. */
function damage(error: unknown): string {
  const damaged = error instanceof CipherlayerError &&
    error.code === "queue-corrupt";
  if (!damaged) throw error;
  return error.message;
}

/**
 * Readings that go for a new one where the disk is full: of its size two make room. Where
 * they do not, something else fills the disk, and dropping more would lose all.
 */
const maxDropped = 2;

/** First byte of a blob; a mark has no other. */
const kinds = { reading: 1, outcome: 2, mark: 3 } as const;

function isMark(blob: Uint8Array | null): boolean {
  return blob?.length === 1 && blob[0] === kinds.mark;
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(String(codeOf(error))) ||
    (error instanceof Error && error.name === "QuotaExceededError");
}

/** Blob of the contract whose refusals are final, in the clear. */
const contractName = "contract";

function nameOf(id: number): string {
  return `${id}.queued`;
}

function idOf(name: string): number[] {
  const digits = /^(\d{1,15})\.queued$/.exec(name)?.[1];
  return digits ? [Number(digits)] : [];
}

interface DecodedReading {
  id: number;
  takenAt: Date;
  meta?: unknown;
  /** One, unless it is a batch. */
  values: Reading[];
  batch: boolean;
}

/**
 * Length of the JSON of time, meta and the readings' lengths (4 bytes), that JSON, then
 * little-endian doubles; where a reading is a nested list or a record, all stand in the JSON.
 */
function encodeReadings(
  readings: readonly Reading[],
  { meta, takenAt = new Date() }: AddOptions,
  batch: boolean,
): Uint8Array<ArrayBuffer> {
  const copies = readings.map(copyOfReading);
  const lists = copies.filter(isFlatList);
  const areFlat = lists.length === copies.length;
  const head = new TextEncoder().encode(JSON.stringify({
    takenAt: takenAt.toISOString(),
    meta,
    batch,
    ...areFlat
      ? { lengths: lists.map(({ length }) => length) }
      : { readings: copies },
  }));
  const numbers = areFlat ? lists.flat() : [];
  const view = new DataView(
    new ArrayBuffer(4 + head.length + 8 * numbers.length),
  );
  view.setUint32(0, head.length, true);
  new Uint8Array(view.buffer).set(head, 4);
  numbers.forEach((value, i) =>
    view.setFloat64(4 + head.length + 8 * i, value, true)
  );
  return new Uint8Array(view.buffer);
}

const isFlatList = (copy: Reading): copy is number[] =>
  Array.isArray(copy) && copy.every((value) => typeof value === "number");

function decodeOutcome(bytes: Uint8Array): QueuedOutcome {
  const outcome = JSON.parse(new TextDecoder().decode(bytes));
  const { takenAt } = outcome;
  return { ...outcome, takenAt: takenAt && new Date(takenAt) };
}

function decodeReadings(bytes: Uint8Array): Omit<DecodedReading, "id"> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 4 + view.getUint32(0, true);
  const { takenAt, meta, batch, lengths, readings } = JSON.parse(
    new TextDecoder().decode(bytes.subarray(4, at)),
  );
  const values = readings ??
    lengths.map((length: number) =>
      Float64Array.from({ length }, () => {
        const value = view.getFloat64(at, true);
        at += 8;
        return value;
      })
    );
  return { takenAt: new Date(takenAt), meta, values, batch };
}
