/**
 * What an offline queue is told and tells.
 *
 * @module
 */
import type { BlobStore } from "../blobs/blob_store.ts";
import type { KeyStore } from "../keys/key_store.ts";
import type { Answer } from "../session/answer.ts";
import type { InferOptions } from "../session/session_options.ts";
import type { RandomSource } from "../support/random.ts";

/** Options of `OfflineQueue.open`. */
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

/** Options of `OfflineQueue.add`. */
export interface AddOptions {
  /** Anything that JSON holds; it is sealed with the reading and comes back with the outcome. */
  meta?: unknown;
  /** When the reading was taken. Default now. */
  takenAt?: Date;
}

/** What `OfflineQueue.add` did. */
export interface AddResult {
  /** Numbers grow with every reading and are never used again. */
  id: number;
  /** Numbers of the readings that had to go for it: one too many, or more where the disk was full. */
  dropped: number[];
}

/** Options of `OfflineQueue.process`. */
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
