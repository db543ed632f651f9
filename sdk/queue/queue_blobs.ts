/**
 * A queue's blobs: one a number, sealed, which holds readings and later their outcome.
 *
 * @module
 */
import type { BlobStore } from "../blobs/blob_store.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { QueueSealer } from "./offline_queue_sealing.ts";
import type { QueuedOutcome } from "./queue_options.ts";
import {
  decodeOutcome,
  decodeReadings,
  encodeOutcome,
  type StoredReadings,
} from "./stored_readings.ts";

/** First byte of a blob; a mark has no other. */
const kinds = { reading: 1, outcome: 2, mark: 3 } as const;

/** Blob of the contract whose refusals are final, in the clear. */
const contractName = "contract";

/** Writes, reads and removes blobs by number; no number is ever used again. */
export class QueueBlobs {
  readonly #store: BlobStore;
  readonly #sealer: QueueSealer;
  /** Blobs that have served, and are still to be removed. */
  readonly #served = new Set<number>();
  #nextId = 0;

  constructor(store: BlobStore, sealer: QueueSealer) {
    this.#store = store;
    this.#sealer = sealer;
  }

  /**
   * Numbers of the readings and of the recorded outcomes that are there, in order.
   * Marks are among the two newest blobs, recorded outcomes among the oldest; the
   * rest is not read, so that a queue of any length opens at once.
   */
  async find(): Promise<{ readings: Set<number>; outcomes: Set<number> }> {
    const ids = (await this.#store.list()).flatMap(idOf).sort((a, b) => a - b);
    this.#nextId = (ids.at(-1) ?? -1) + 1;
    const readings = new Set(ids);
    const outcomes = new Set<number>();
    for (const id of ids.slice(-2)) {
      if (isMark(await this.#store.read(nameOf(id)))) {
        readings.delete(id);
        this.#served.add(id);
      }
    }
    for (const id of readings) {
      const blob = await this.#store.read(nameOf(id));
      if (blob?.[0] !== kinds.outcome) break;
      readings.delete(id);
      outcomes.add(id);
    }
    await this.sweep();
    return { readings, outcomes };
  }

  /**
   * Writes readings under the next number that no folder has.
   *
   * @param content as `encodeReadings` gives it
   * @throws whatever the store throws; the number is then free for the next one
   */
  async append(content: Uint8Array<ArrayBuffer>): Promise<number> {
    for (;; this.#nextId++) {
      const id = this.#nextId;
      const sealed = await this.#sealer.seal(
        nameOf(id),
        kinds.reading,
        content,
      );
      try {
        await this.#store.write(nameOf(id), sealed);
      } catch (error) {
        if (codeOf(error) === "EISDIR") continue;
        throw error;
      }
      this.#nextId++;
      return id;
    }
  }

  /** The readings that wait under a number; their outcome if it was recorded, or they are damaged. */
  async read(
    id: number,
  ): Promise<{ waiting: StoredReadings } | { outcome: QueuedOutcome }> {
    try {
      const { kind, content } = await this.#open(id);
      return kind === kinds.outcome
        ? { outcome: decodeOutcome(content) }
        : { waiting: decodeReadings(id, content) };
    } catch (error) {
      return { outcome: damaged(id, error) };
    }
  }

  /** The outcome that was recorded under a number. */
  async readOutcome(id: number): Promise<QueuedOutcome> {
    try {
      return decodeOutcome((await this.#open(id)).content);
    } catch (error) {
      return damaged(id, error);
    }
  }

  async #open(id: number) {
    const name = nameOf(id);
    const blob = await this.#store.read(name);
    const content = await this.#sealer.open(name, blob);
    return { kind: blob?.[0], content };
  }

  /**
   * Puts the outcome in the readings' place, at one stroke.
   *
   * @returns whether the disk took it
   */
  async record(outcome: QueuedOutcome): Promise<boolean> {
    const name = nameOf(outcome.id);
    const content = encodeOutcome(outcome);
    const sealed = await this.#sealer.seal(name, kinds.outcome, content);
    return await this.#store.write(name, sealed).then(() => true, () => false);
  }

  /**
   * The newest number leaves a mark, so that it is not used again after a restart.
   * What the disk does not let go of now is removed by a later {@linkcode sweep}.
   */
  async remove(id: number): Promise<void> {
    this.#served.add(id);
    if (id < this.#nextId - 1) return await this.sweep();
    try {
      await this.#store.write(nameOf(id), Uint8Array.of(kinds.mark));
    } catch {
      // No room for a mark: the blob itself keeps the number until the next one comes.
    }
  }

  /** Removes blobs that have served, as far as the disk lets go of them. */
  async sweep(): Promise<void> {
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

  /** The contract whose refusals are final; null before the queue is first processed. */
  async readContract(): Promise<string | null> {
    const bytes = await this.#store.read(contractName);
    return bytes ? new TextDecoder().decode(bytes) : null;
  }

  async writeContract(contract: string): Promise<void> {
    await this.#store.write(contractName, new TextEncoder().encode(contract));
  }
}

/** Whether the error says that the disk takes no more. */
export function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes(String(codeOf(error))) ||
    (error instanceof Error && error.name === "QuotaExceededError");
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/** The outcome of readings that an error tells to be damaged; other errors are thrown on. */
function damaged(id: number, error: unknown): QueuedOutcome {
  const isDamage = error instanceof CipherlayerError &&
    error.code === "queue-corrupt";
  if (!isDamage) throw error;
  return { id, takenAt: null, refused: error.message };
}

function isMark(blob: Uint8Array | null): boolean {
  return blob?.length === 1 && blob[0] === kinds.mark;
}

function nameOf(id: number): string {
  return `${id}.queued`;
}

function idOf(name: string): number[] {
  const digits = /^(\d{1,15})\.queued$/.exec(name)?.[1];
  return digits ? [Number(digits)] : [];
}
