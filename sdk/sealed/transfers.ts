/**
 * Oblivious transfers of a gateway: set up when its first session begins, renewed before
 * they run out, and never stored. Each inference gets its own batches, whose places of
 * noise are drawn when they are asked for.
 *
 * @module
 */
import type { GateKernel } from "../garbling/gate_kernel.ts";
import { makeKernel } from "../garbling/kernel.ts";
import type { Clock } from "../support/clock.ts";
import { CipherlayerError } from "../support/errors.ts";
import {
  batchAnswerBytes,
  rootSize,
  setupAnswerBytes,
} from "../transfer/chain.ts";
import { shapeOf } from "../transfer/batch_shape.ts";
import {
  type Pending,
  type SentChoices,
  startTransfers,
  type TransferBatch,
} from "../transfer/receiver.ts";
import {
  type BatchRequest,
  type BatchResponse,
  decodeSealed,
  encodeSealed,
} from "../wire/sealed_messages.ts";

/** Transfers, and the token that opens them at the functions. */
export interface Batch {
  transfers: TransferBatch;
  token: Uint8Array;
}

/** A batch that a linear call is to ask for. */
export interface AskedBatch {
  request: BatchRequest;
  /** @throws {CipherlayerError} `malformed` if the reply has none, or one of another size */
  receive(reply: BatchResponse | null): Batch;
}

/** Posts to a path below `v1/sealed/`. @returns the reply's body */
export type PostSealed = (
  path: string,
  body: Uint8Array,
  maxBytes: number,
) => Promise<Uint8Array>;

/** Room for a token and CBOR beside what a message is made of. */
export const framingBytes = 2 ** 14;
/** The functions keep to a root for a day. */
const maxAgeMs = 12 * 60 * 60_000;

/** Owned by one session of one process; it has no form in which it could be written down. */
export class Transfers {
  readonly #clock: Clock;
  #lazyGates: GateKernel | undefined;
  #root: Batch | undefined;
  /** When the first root began, by the clock. */
  #beganAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Made when they are first used: most sessions are open ones. */
  get gates(): GateKernel {
    return this.#lazyGates ??= makeKernel();
  }

  /** Forgets all: the next inference begins anew. */
  drop(): void {
    this.#root = undefined;
  }

  /** Sets transfers up, for batches of so many transfers. */
  async prepare(
    size: number,
    token: Uint8Array,
    post: PostSealed,
  ): Promise<void> {
    this.#root = await this.#rootFor(size, token, post);
  }

  /**
   * Draws the places of a batch for an inference that begins now. They are used up by
   * it, whatever comes of the call.
   *
   * @param size transfers of the batch, at least
   * @param token of a linear call of the session
   */
  async ask(
    size: number,
    token: Uint8Array,
    post: PostSealed,
  ): Promise<AskedBatch> {
    const root = this.#root = await this.#rootFor(size, token, post);
    const pending = root.transfers.extend(size);
    return {
      request: { token: root.token, ...pending.request },
      receive: (reply) => received(pending, reply),
    };
  }

  /** A root with transfers for one more batch and for the root after it. */
  async #rootFor(
    size: number,
    token: Uint8Array,
    post: PostSealed,
  ): Promise<Batch> {
    const root = this.#root, next = shapeOf(rootSize).bases;
    // Until the next one is there: a call that fails leaves nothing to go on with.
    this.#root = undefined;
    const now = this.#clock.now(), isOld = now - this.#beganAt > maxAgeMs;
    if (!root || isOld || root.transfers.left < next) {
      this.#beganAt = now;
      const pending = startTransfers(this.gates);
      const body = encodeSealed({ token, request: pending.request });
      const maxBytes = setupAnswerBytes + framingBytes;
      return received(
        pending,
        decodeSealed("batchResponse", await post("transfers", body, maxBytes)),
      );
    }
    if (root.transfers.left >= shapeOf(size).bases + next) return root;
    const pending = root.transfers.extend(rootSize);
    const body = encodeSealed({ token: root.token, ...pending.request });
    const maxBytes = batchAnswerBytes(rootSize) + framingBytes;
    return received(
      pending,
      decodeSealed("batchResponse", await post("roots", body, maxBytes)),
    );
  }
}

function received(
  pending: Pending<Uint8Array> | Pending<SentChoices>,
  reply: BatchResponse | null,
): Batch {
  if (!reply) {
    throw new CipherlayerError(
      "malformed",
      "Cannot go on: expected a batch of transfers, got none",
    );
  }
  return { transfers: pending.finish(reply.answer), token: reply.token };
}
