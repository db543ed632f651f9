/**
 * Oblivious transfers of a session: set up when it begins, renewed before they run out, and never stored. Each inference gets a batch of its own, whose
 * places of noise are drawn when it begins.
 *
 * @module
 */
import type { GateKernel } from "../garbling/gate_kernel.ts";
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
/** Difference of the two clocks that counts as none: wall clocks are set now and then. */
const clockToleranceMs = 5000;

/** Owned by one session of one process; it has no form in which it could be written down. */
export class Transfers {
  readonly #gates: GateKernel;
  readonly #clock: Clock;
  #root: Batch | undefined;
  /** When the root began, as the difference of the two clocks. */
  #beganAt = 0;

  constructor(gates: GateKernel, clock: Clock) {
    this.#gates = gates;
    this.#clock = clock;
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
   * @param token of the session
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
    const now = this.#wallBeyondMonotonic();
    const stopped = Math.abs(now - this.#beganAt) > clockToleranceMs;
    // A machine that was copied or set back would use its transfers twice.
    if (!root || stopped || root.transfers.left < next) {
      this.#beganAt = now;
      const pending = startTransfers(this.#gates);
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

  /** The wall clock jumps where a machine was stopped; the other does not. */
  #wallBeyondMonotonic(): number {
    return Date.now() - this.#clock.now();
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
