/**
 * A client of sealed inferences that keeps to their form and to nothing else: it adds
 * what it likes to what it sends and to the bits that it chooses.
 *
 * @module
 */
import { inputActivations } from "../../sdk/fixed_point/quantise.ts";
import type { GateKernel } from "../../sdk/garbling/gate_kernel.ts";
import { bitAt, wordsOfInteger } from "../../sdk/garbling/rounds/bits.ts";
import type {
  SealedPlan,
  SealedRound,
} from "../../sdk/garbling/rounds/round.ts";
import {
  batchesOf,
  isSealed,
  sealedRounds,
} from "../../sdk/garbling/rounds/sealed_rounds.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { bitLength } from "../../sdk/paillier/public/big_integer.ts";
import { GarbledReply, maxReplyItems } from "../../sdk/sealed/garbled_reply.ts";
import {
  type GarbledCall,
  SealedInference,
} from "../../sdk/sealed/inference.ts";
import {
  type AskedBatch,
  type Batch,
  Transfers,
} from "../../sdk/sealed/transfers.ts";
import {
  createTransport,
  type ReplySink,
  type Transport,
} from "../../sdk/session/transport.ts";
import type { Pending } from "../../sdk/transfer/receiver.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import {
  decodeSessionResponse,
  encodeSessionRequest,
} from "../../sdk/wire/codec.ts";
import {
  type ActivationRequest,
  decodeSealed,
  encodeSealed,
} from "../../sdk/wire/sealed_messages.ts";

const maxBytes = 2 ** 30;

/** A round, up to its garbled call, which may be made again and again. */
export interface OpenRound {
  round: number;
  /** Decrypted answers: accumulators and masks. */
  answers: bigint[];
  /** Opens the garbled call. */
  token: Uint8Array;
}

/** What is added to an accumulator. */
export interface ValueShift {
  value: number;
  by: number;
}

/** What is added to an element that a round reads. */
export interface ElementShift {
  element: number;
  by: number;
}

/** One inference, kept open in all of its rounds. */
export class SealedClient implements Disposable {
  /** Labels that were told: one for each answered final call. */
  labels = 0;
  calls = 0;
  plan!: SealedPlan;
  /** Opens the linear call of each round. */
  readonly linearTokens: Uint8Array[] = [];
  readonly gates: GateKernel;
  readonly #owner: PaillierEngine;
  readonly #send: Transport;
  readonly #model: string;
  readonly #begin: ((gates: GateKernel) => Pending<Uint8Array>) | undefined;
  readonly #transfers = new Transfers(platformClock);
  #rounds!: SealedRound[];
  #inference!: SealedInference;
  /** By the round that asked for them. */
  readonly #batches = new Map<number, Batch>();
  /** Labels by what was asked: nobody pays twice for one. */
  readonly #known = new Map<string, number>();
  /** The first garbled call of each round, and its bits: later ones change some. */
  readonly #firstCalls = new Map<
    number,
    { call: GarbledCall; bits: Uint8Array }
  >();

  /** @param begin transfers in a way of its own @default as the SDK does */
  constructor(
    url: string,
    model: string,
    key: PrivateKey,
    begin?: (gates: GateKernel) => Pending<Uint8Array>,
  ) {
    this.#begin = begin;
    this.#send = createTransport({ url, timeoutMs: 120_000 });
    this.#model = model;
    this.#owner = new PaillierEngine(key, { threads: 0 });
    this.gates = this.#transfers.gates;
  }

  get last(): number {
    return this.plan.rounds.length - 1;
  }

  get rounds(): readonly SealedRound[] {
    return this.#rounds;
  }

  /** Runs an inference of `reading`, integers of the first input, up to its last round. */
  async reachLast(reading: Float64Array): Promise<void> {
    const { publicKey } = this.#owner;
    const body = encodeSessionRequest({
      model: this.#model,
      modulus: publicKey.toBytes(),
      proof: this.#owner.keyProof(),
      samples: 1,
    });
    const opened = decodeSessionResponse(await this.post("sessions", body));
    if (!isSealed(opened.plan)) {
      throw new TypeError("Cannot attack: expected a sealed model");
    }
    this.plan = opened.plan;
    this.#rounds = sealedRounds(this.plan);
    this.#inference = new SealedInference({
      plan: this.plan,
      rounds: this.#rounds,
      modulus: publicKey.modulus,
      gates: this.gates,
    }, inputActivations([reading], this.plan.inputs));
    this.linearTokens[0] = opened.token;
    for (let round = 0; round < this.last; round++) {
      await this.activate(await this.ask(round));
    }
  }

  /**
   * A round's linear call, under the same token each time.
   *
   * @param shifts added to elements that the round reads
   */
  async ask(
    round: number,
    shifts: readonly ElementShift[] = [],
  ): Promise<OpenRound> {
    const token = this.linearTokens[round];
    const size = this.#batches.has(round) ? 0 : batchesOf(this.#rounds)[round];
    const asked = size === 0 ? null : await this.#askBatch(size, token);
    const { modulus } = this.#owner.publicKey;
    const plaintexts = this.#inference.plaintexts(round).slice();
    const { layout } = this.plan.rounds[round];
    for (const { element, by } of shifts) {
      if (layout.kind !== "dense") throw new TypeError("expected dense");
      const place = BigInt(element % layout.fold * layout.slotBits);
      const at = Math.floor(element / layout.fold);
      plaintexts[at] = (plaintexts[at] + (BigInt(by) << place)) % modulus;
    }
    const body = encodeSealed({
      token,
      ciphertexts: await this.#owner.encryptBatch(plaintexts),
      batch: asked && asked.request,
    });
    const reply = decodeSealed(
      "linearResponse",
      await this.post(`sealed/rounds/${round}`, body),
    );
    if (asked) this.#batches.set(round, asked.receive(reply.batch));
    const answers = await this.#owner.decryptBatch(reply.ciphertexts);
    return { round, answers, token: reply.token };
  }

  /**
   * A round's garbled call, with the same transfers each time: only the choices differ.
   * The rounds behind it then read what came of it.
   *
   * @param shifts added to accumulators, whatever the ciphertexts said
   */
  async activate(
    open: OpenRound,
    shifts: readonly ValueShift[] = [],
  ): Promise<void> {
    const { round } = open;
    const { call, request } = this.requestOf(open, shifts);
    const maxItems = maxReplyItems(this.#rounds[round].stages);
    const reply = new GarbledReply(call, { maxItems });
    const body = encodeSealed(request);
    await this.post(`sealed/activations/${round}`, body, () => reply);
    if (round < this.last) {
      this.linearTokens[round + 1] = reply.head.token.slice();
    }
  }

  /**
   * The label, of the garbled call of the last round.
   *
   * @param shifts added to scores
   */
  async label(
    open: OpenRound,
    shifts: readonly ValueShift[] = [],
  ): Promise<number> {
    const { token, choices } = this.requestOf(open, shifts).request;
    const question = `${token} ${choices}`;
    const known = this.#known.get(question);
    if (known !== undefined) return known;
    await this.activate(open, shifts);
    this.labels++;
    const [label] = this.#inference.labels!;
    this.#known.set(question, label);
    return label;
  }

  /** What asks for a garbled call. */
  requestOf(
    { round, answers, token }: OpenRound,
    shifts: readonly ValueShift[] = [],
  ): { call: GarbledCall; request: ActivationRequest } {
    const shifted = this.#addToValues(round, answers, shifts);
    const { chosen } = this.#rounds[round];
    const words = shifted.map((answer) =>
      wordsOfInteger(answer, bitLength(this.#owner.publicKey.modulus) + 1)
    );
    const bits = Uint8Array.from(
      chosen.bit,
      (bit, i) => bitAt(words[chosen.answer[i]], bit),
    );
    const batch = this.batchOf(round);
    const first = this.#firstCalls.get(round) ?? {
      bits,
      call: this.#inference.choose(round, shifted, batch.transfers),
    };
    this.#firstCalls.set(round, first);
    const { from, choices } = first.call.request;
    const changed = choices.slice();
    bits.forEach((bit, i) =>
      changed[i >> 3] ^= (bit ^ first.bits[i]) << (i & 7)
    );
    return {
      call: first.call,
      request: { token, batch: batch.token, from, choices: changed },
    };
  }

  /** The batch that a round's choices are from. */
  batchOf(round: number): Batch {
    return this.#batches.get(round) ?? this.#batches.get(0)!;
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }

  /** @throws {CipherlayerError} what the functions refuse it with */
  async post(
    path: string,
    body: Uint8Array,
    into?: () => ReplySink,
  ): Promise<Uint8Array> {
    this.calls++;
    return (await this.#send(`v1/${path}`, body, { maxBytes, into })).body;
  }

  async #askBatch(size: number, token: Uint8Array): Promise<AskedBatch> {
    const post = (path: string, body: Uint8Array) =>
      this.post(`sealed/${path}`, body);
    if (!this.#begin) return await this.#transfers.ask(size, token, post);
    const setUp = this.#begin(this.gates);
    const body = encodeSealed({ token, request: setUp.request });
    const begun = decodeSealed("batchResponse", await post("transfers", body));
    const pending = setUp.finish(begun.answer).extend(size);
    return {
      request: { token: begun.token, ...pending.request },
      receive: (reply) => ({
        transfers: pending.finish(reply!.answer),
        token: reply!.token,
      }),
    };
  }

  #addToValues(
    round: number,
    answers: readonly bigint[],
    shifts: readonly ValueShift[],
  ): bigint[] {
    const { layout } = this.plan.rounds[round];
    if (shifts.length === 0) return [...answers];
    if (layout.kind !== "dense") {
      throw new TypeError("Cannot attack: expected a dense round");
    }
    const { valuesPerCiphertext, fold, slotBits } = layout;
    const { modulus } = this.#owner.publicKey, shifted = [...answers];
    for (const { value, by } of shifts) {
      const slot = value % valuesPerCiphertext * fold + fold - 1;
      const answer = Math.floor(value / valuesPerCiphertext);
      const sum = shifted[answer] + (BigInt(by) << BigInt(slot * slotBits));
      shifted[answer] = (sum % modulus + modulus) % modulus;
    }
    return shifted;
  }
}
