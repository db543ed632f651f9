/**
 * The reply to a garbled call, evaluated as it comes in.
 *
 * @module
 */
import { chunkCount, garbledBytes } from "../garbling/rounds/run.ts";
import type { Stage } from "../garbling/rounds/stage.ts";
import { CipherlayerError } from "../support/errors.ts";
import type { ReplySink } from "../session/transport.ts";
import { maxItemBytes, SequenceReader } from "../wire/byte_sequence.ts";
import { type ActivationHead, decodeSealed } from "../wire/sealed_messages.ts";
import type { GarbledCall } from "./inference.ts";

/**
 * Byte strings of the reply to a round's garbled call, at most, its digest not counted:
 * the head, chunks, and as many more as long ones are cut into.
 */
export const maxReplyItems = (stages: readonly Stage[]): number =>
  1 + chunkCount(stages) + Math.ceil(garbledBytes(stages) / maxItemBytes);

/**
 * One try of a call. A reply that broke on the way is a fault of the line, whatever it
 * was evaluated to; one that came whole and makes no sense is a fault of the functions.
 * Nothing is taken over before the whole has come.
 */
export class GarbledReply implements ReplySink {
  readonly #call: GarbledCall;
  readonly #part: { shard: number; shards: number } | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #reader: SequenceReader;
  #head: ActivationHead | null = null;
  #running: ReturnType<GarbledCall["begin"]> | null = null;
  #fault: unknown = null;
  #bytes = 0;

  /**
   * @param part which shard it is, and how many there are
   * @param maxItems of the reply, as `maxReplyItems` says
   * @param signal ends the evaluation with its reason
   */
  constructor(
    call: GarbledCall,
    { part, maxItems, signal }: {
      part?: { shard: number; shards: number };
      maxItems: number;
      signal?: AbortSignal;
    },
  ) {
    this.#call = call;
    this.#part = part;
    this.#signal = signal;
    this.#reader = new SequenceReader((item) => this.#take(item), maxItems);
  }

  /** Bytes that came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the reply began with. */
  get head(): ActivationHead {
    return this.#head!;
  }

  async push(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    await this.#reader.push(bytes);
  }

  async finish(): Promise<void> {
    await this.#reader.finish();
    this.#signal?.throwIfAborted();
    if (this.#fault) throw this.#fault;
    if (!this.#running) {
      throw new CipherlayerError(
        "malformed",
        "Cannot evaluate a garbled call: expected a salt, got nothing",
      );
    }
    this.#running.finish();
  }

  async #take(item: Uint8Array): Promise<void> {
    if (this.#fault) return;
    try {
      if (this.#running) return await this.#running.push(item);
      this.#head = decodeSealed("activationHead", item);
      this.#running = this.#call.begin(this.#head.salt, {
        ...this.#part,
        signal: this.#signal,
      });
    } catch (fault) {
      this.#signal?.throwIfAborted();
      // Of its size or form alone; told once it is known that it was sent like this.
      this.#fault = fault;
    }
  }
}
