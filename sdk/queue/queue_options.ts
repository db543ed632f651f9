/**
 * Options and results of an offline queue.
 *
 * @module
 */
import type { BlobStore } from "../blobs/blob_store.ts";
import type { KeyStore } from "../keys/key_store.ts";
import type { Answer } from "../session/answer.ts";
import type { InferOptions } from "../session/session_options.ts";
import type { RandomSource } from "../support/random.ts";

/**
 * Options of `OfflineQueue.open`.
 *
 * @example
 * ```ts
 * import { MemoryBlobStore, MemoryKeyStore, OfflineQueue, type OfflineQueueOptions, openKey } from "@cipherlayer/sdk";
 *
 * const keys = new MemoryKeyStore();
 * await openKey(keys);
 * const options: OfflineQueueOptions = { store: new MemoryBlobStore(), keys, capacity: 100 };
 * const queue = await OfflineQueue.open(options);
 * await queue.add([21.5, 40, 650]);
 * ```
 */
export interface OfflineQueueOptions {
  /** Where the encrypted readings lie: a store of the queue's own. */
  store: BlobStore;
  /**
   * Its current key encrypts new readings; earlier ones need the key that was
   * current then, so forget retired keys only while the queue is empty.
   */
  keys: KeyStore;
  /**
   * Max readings that wait, those under way not counted.
   *
   * @default 1000
   */
  capacity?: number;
  /**
   * What happens to a reading when the queue is full.
   *
   * @default "refuse"
   */
  whenFull?: "refuse" | "drop-oldest";
  /**
   * Source of nonces.
   *
   * @default the platform's cryptographic source
   */
  random?: RandomSource;
}

/**
 * A reading whose outcome is reported.
 *
 * @example
 * ```ts
 * import type { QueuedReading } from "@cipherlayer/sdk";
 *
 * const tell = ({ id, takenAt }: QueuedReading) => `reading ${id} of ${takenAt?.toISOString()}`;
 * console.log(tell({ id: 1, takenAt: new Date(0) }));
 * ```
 */
export interface QueuedReading {
  /** Number of the reading. */
  id: number;
  /** When it was taken; null if it was damaged on the disk. */
  takenAt: Date | null;
  /** What was given with it; absent if nothing was, or if it was damaged. */
  meta?: unknown;
}

/**
 * What became of a reading.
 *
 * @example
 * ```ts
 * import type { QueuedOutcome } from "@cipherlayer/sdk";
 *
 * function tell(outcome: QueuedOutcome): string {
 *   if (outcome.refused !== undefined) return `${outcome.id} refused: ${outcome.refused}`;
 *   return `${outcome.id}: ${outcome.answer.label ?? outcome.answer.predicted}`;
 * }
 * console.log(tell({ id: 3, takenAt: null, refused: "damaged" }));
 * ```
 */
export type QueuedOutcome =
  & QueuedReading
  & (
    /** What the model says; of a batch all answers, of which `answer` is the last. */
    | { answer: Answer; answers?: Answer[]; refused?: undefined }
    /** The model does not take such a reading (`infer` says why), or it was damaged on the disk. */
    | { refused: string; answer?: undefined; answers?: undefined }
  );

/**
 * Options of `OfflineQueue.add`.
 *
 * @example
 * ```ts
 * import type { AddOptions } from "@cipherlayer/sdk";
 *
 * const options: AddOptions = { meta: { room: "kitchen" }, takenAt: new Date() };
 * console.log(options); // queue.add(reading, options)
 * ```
 */
export interface AddOptions {
  /** Anything that JSON holds; it is sealed with the reading and comes back with the outcome. */
  meta?: unknown;
  /**
   * When the reading was taken.
   *
   * @default now
   */
  takenAt?: Date;
}

/**
 * What `OfflineQueue.add` did.
 *
 * @example
 * ```ts
 * import type { AddResult } from "@cipherlayer/sdk";
 *
 * const tell = ({ id, dropped }: AddResult) => `queued ${id}, dropped ${dropped.length}`;
 * console.log(tell({ id: 12, dropped: [3] }));
 * ```
 */
export interface AddResult {
  /** Numbers grow with every reading and are never used again. */
  id: number;
  /** Numbers of the readings that had to go for it: one too many, or more where the disk was full. */
  dropped: number[];
}

/**
 * Options of `OfflineQueue.process`.
 *
 * @example
 * ```ts
 * import type { ProcessOptions } from "@cipherlayer/sdk";
 *
 * const options: ProcessOptions = { follow: true, signal: AbortSignal.timeout(1000) };
 * console.log(options); // for await (const outcome of queue.process(session, options)) ...
 * ```
 */
export interface ProcessOptions extends InferOptions {
  /**
   * The contract (`Session.contract`) whose refusals are final. A reading that a session
   * of another contract refuses stays in the queue, and `process` throws
   * `contract-changed`.
   *
   * @default the contract under which this queue was first processed
   */
  contract?: string;
  /**
   * Waits for further readings when all are done, until the signal aborts.
   *
   * @default false
   */
  follow?: boolean;
}
