/**
 * The reply to a garbled call, evaluated as it comes in.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";
import type { ReplySink } from "../session/transport.ts";
import { SequenceReader } from "../wire/byte_sequence.ts";
import { type ActivationHead, decodeSealed } from "../wire/sealed_messages.ts";
import type { GarbledCall } from "./inference.ts";

/**
 * One try of a call. A reply that broke on the way is a fault of the line, whatever it
 * was evaluated to; one that came whole and makes no sense is a fault of the functions.
 * Nothing is taken over before the whole has come.
 */
export class GarbledReply implements ReplySink {
  readonly #call: GarbledCall;
  readonly #reader = new SequenceReader((item) => this.#take(item));
  #head: ActivationHead | null = null;
  #running: ReturnType<GarbledCall["begin"]> | null = null;
  #fault: unknown = null;
  #bytes = 0;

  constructor(call: GarbledCall) {
    this.#call = call;
  }

  /** Bytes that came. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the reply began with. */
  get head(): ActivationHead {
    return this.#head!;
  }

  push(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    this.#reader.push(bytes);
  }

  async finish(): Promise<void> {
    await this.#reader.finish();
    if (this.#fault) throw this.#fault;
    if (!this.#running) {
      throw new CipherlayerError(
        "malformed",
        "Cannot evaluate a garbled call: expected a salt, got nothing",
      );
    }
    this.#running.finish();
  }

  #take(item: Uint8Array): void {
    if (this.#fault) return;
    try {
      if (this.#running) return this.#running.push(item);
      this.#head = decodeSealed("activationHead", item);
      this.#running = this.#call.begin(this.#head.salt);
    } catch (fault) {
      // Of its size or form alone; told once it is known that it was sent like this.
      this.#fault = fault;
    }
  }
}
