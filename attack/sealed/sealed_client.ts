/**
 * A client of sealed inferences that keeps to their form and to nothing else: it adds
 * what it likes to what it sends and to the bits that it chooses.
 *
 * @module
 */
import { inputActivations } from "../../sdk/fixed_point/quantise.ts";
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
import { type Batch, Transfers } from "../../sdk/sealed/transfers.ts";
import {
  createTransport,
  type ReplySink,
  type Transport,
} from "../../sdk/session/transport.ts";
import { platformClock } from "../../sdk/support/clock.ts";
import {
  decodeSessionResponse,
  encodeSessionRequest,
} from "../../sdk/wire/codec.ts";
import { decodeSealed, encodeSealed } from "../../sdk/wire/sealed_messages.ts";

const maxBytes = 2 ** 30;

/** The last round, up to its garbled call, which may be made again and again. */
export interface LastRound {
  /** Decrypted answers: scores and masks. */
  answers: bigint[];
  /** Opens the garbled call. */
  token: Uint8Array;
}

/** One inference, kept open before its last round. */
export class SealedClient implements Disposable {
  /** Labels that were told: one for each answered final call. */
  labels = 0;
  calls = 0;
  plan!: SealedPlan;
  readonly #owner: PaillierEngine;
  readonly #send: Transport;
  readonly #model: string;
  readonly #transfers = new Transfers(platformClock);
  readonly #gates = this.#transfers.gates;
  #rounds!: SealedRound[];
  #inference!: SealedInference;
  #batch: Batch | undefined;
  /** Rounds whose batch it has. */
  readonly #asked = new Set<number>();
  #lastToken: Uint8Array = new Uint8Array();
  #lastCall: { call: GarbledCall; bits: Uint8Array } | undefined;

  constructor(url: string, model: string, key: PrivateKey) {
    this.#send = createTransport({ url, timeoutMs: 120_000 });
    this.#model = model;
    this.#owner = new PaillierEngine(key, { threads: 0 });
  }

  get last(): number {
    return this.plan.rounds.length - 1;
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
    const opened = decodeSessionResponse(await this.#post("sessions", body));
    if (!isSealed(opened.plan)) {
      throw new TypeError("Cannot attack: expected a sealed model");
    }
    this.plan = opened.plan;
    this.#rounds = sealedRounds(this.plan);
    this.#inference = new SealedInference({
      plan: this.plan,
      rounds: this.#rounds,
      modulus: publicKey.modulus,
      gates: this.#gates,
    }, inputActivations([reading], this.plan.inputs));
    let { token } = opened;
    for (let round = 0; round < this.last; round++) {
      const linear = await this.#linear(round, token, []);
      const call = this.#inference.choose(
        round,
        linear.answers,
        this.#batch!.transfers,
      );
      const { head } = await this.#activate(round, call, {
        token: linear.token,
        ...call.request,
      });
      token = head.token.slice();
    }
    this.#lastToken = token;
  }

  /**
   * The last linear call, under the same token each time.
   *
   * @param shifts added to elements that the round reads
   */
  askScores(
    shifts: readonly { element: number; by: number }[] = [],
  ): Promise<LastRound> {
    return this.#linear(this.last, this.#lastToken, shifts);
  }

  /**
   * The garbled call of the last round, under the same token and transfers each time:
   * only the choices differ.
   *
   * @param shifts added to scores
   * @returns the label
   */
  async label(
    { answers, token }: LastRound,
    shifts: readonly { score: number; by: number }[],
  ): Promise<number> {
    const shifted = this.#addToScores(answers, shifts);
    const { chosen } = this.#rounds[this.last];
    const words = shifted.map((answer) =>
      wordsOfInteger(answer, bitLength(this.#owner.publicKey.modulus) + 1)
    );
    const bits = Uint8Array.from(
      chosen.bit,
      (bit, i) => bitAt(words[chosen.answer[i]], bit),
    );
    const first = this.#lastCall ??= {
      bits,
      call: this.#inference.choose(this.last, shifted, this.#batch!.transfers),
    };
    const { from, choices } = first.call.request;
    const changed = choices.slice();
    bits.forEach((bit, i) =>
      changed[i >> 3] ^= (bit ^ first.bits[i]) << (i & 7)
    );
    await this.#activate(this.last, first.call, {
      token,
      from,
      choices: changed,
    });
    this.labels++;
    return this.#inference.labels![0];
  }

  [Symbol.dispose](): void {
    this.#owner[Symbol.dispose]();
  }

  #addToScores(
    answers: readonly bigint[],
    shifts: readonly { score: number; by: number }[],
  ): bigint[] {
    const { layout } = this.plan.rounds[this.last];
    if (layout.kind !== "dense") {
      throw new TypeError("Cannot attack: expected a dense last round");
    }
    const { valuesPerCiphertext, fold, slotBits } = layout;
    const { modulus } = this.#owner.publicKey, shifted = [...answers];
    for (const { score, by } of shifts) {
      const slot = score % valuesPerCiphertext * fold + fold - 1;
      const answer = Math.floor(score / valuesPerCiphertext);
      const sum = shifted[answer] + (BigInt(by) << BigInt(slot * slotBits));
      shifted[answer] = (sum % modulus + modulus) % modulus;
    }
    return shifted;
  }

  async #linear(
    round: number,
    token: Uint8Array,
    shifts: readonly { element: number; by: number }[],
  ): Promise<LastRound> {
    const leaves = this.#asked.has(round) ? 0 : batchesOf(this.#rounds)[round];
    this.#asked.add(round);
    const asked = leaves === 0 ? null : await this.#transfers.ask(
      leaves,
      token,
      (path, body) => this.#post(`sealed/${path}`, body),
    );
    const { modulus } = this.#owner.publicKey;
    const plaintexts = this.#inference.plaintexts(round).slice();
    const { layout } = this.plan.rounds[round];
    for (const { element, by } of shifts) {
      if (layout.kind !== "dense") throw new TypeError("expected dense");
      const place = BigInt(element % layout.fold * layout.slotBits);
      const at = Math.floor(element / layout.fold);
      plaintexts[at] = (plaintexts[at] + (BigInt(by) << place)) % modulus;
    }
    const ciphertexts = await this.#owner.encryptBatch(plaintexts);
    const body = encodeSealed({
      token,
      ciphertexts,
      batch: asked && asked.request,
    });
    const reply = decodeSealed(
      "linearResponse",
      await this.#post(`sealed/rounds/${round}`, body),
    );
    if (asked) this.#batch = asked.receive(reply.batch);
    return {
      answers: await this.#owner.decryptBatch(reply.ciphertexts),
      token: reply.token,
    };
  }

  async #activate(
    round: number,
    call: GarbledCall,
    request: { token: Uint8Array; from: number; choices: Uint8Array },
  ): Promise<GarbledReply> {
    const body = encodeSealed({ ...request, batch: this.#batch!.token });
    const maxItems = maxReplyItems(this.#rounds[round].stages);
    const reply = new GarbledReply(call, { maxItems });
    await this.#post(`sealed/activations/${round}`, body, () => reply);
    return reply;
  }

  async #post(
    path: string,
    body: Uint8Array,
    into?: () => ReplySink,
  ): Promise<Uint8Array> {
    this.calls++;
    return (await this.#send(`v1/${path}`, body, { maxBytes, into })).body;
  }
}
