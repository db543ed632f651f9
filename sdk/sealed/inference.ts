/**
 * The gateway's side of a sealed inference, without key and network: which plaintexts it
 * encrypts, which bits it chooses, and what it evaluates. It sees sums of plaintexts and
 * masks, and the labels at the end.
 *
 * @module
 */
import type { IntegerTensor } from "../fixed_point/integer_tensor.ts";
import { answerCiphertexts, inputCiphertexts } from "../fixed_point/layout.ts";
import { packInputs } from "../fixed_point/packing.ts";
import type { GateKernel } from "../garbling/gate_kernel.ts";
import { projectionWords } from "../garbling/circuit.ts";
import {
  bitAt,
  sumOfNumbers,
  wordsOfInteger,
} from "../garbling/rounds/bits.ts";
import { sumInSlots } from "../garbling/rounds/plaintexts.ts";
import type { SealedPlan, SealedRound } from "../garbling/rounds/round.ts";
import { StageEvaluator, type Told } from "../garbling/rounds/run.ts";
import { shardStages } from "../garbling/rounds/shard.ts";
import { bitLength } from "../paillier/public/big_integer.ts";
import { CipherlayerError } from "../support/errors.ts";
import { wordsOfBytes } from "../transfer/bytes.ts";
import type { SentChoices, TransferBatch } from "../transfer/receiver.ts";

/** A round's garbled call while its answer comes in. */
export interface GarbledCall {
  request: SentChoices;
  /**
   * Begins with an answer, or with one of the shards that it comes in.
   *
   * @param salt that it begins with
   */
  begin(
    salt: Uint8Array,
    options?: { shard?: number; shards?: number; signal?: AbortSignal },
  ): { push(bytes: Uint8Array): Promise<void>; finish(): void };
}

/** One inference of `plan.samples` samples. */
export class SealedInference {
  readonly #plan: SealedPlan;
  readonly #rounds: readonly SealedRound[];
  readonly #modulus: bigint;
  readonly #gates: GateKernel;
  readonly #readings: ReadonlyMap<string, IntegerTensor>;
  /** Masked elements, by the round that wrote them. */
  readonly #shares: bigint[][];
  #labels: number[] | null = null;

  /**
   * @param rounds of the plan, as `sealedRounds` makes them
   * @param inputs integers of the model's inputs, by name
   */
  constructor(
    { plan, rounds, modulus, gates }: {
      plan: SealedPlan;
      rounds: readonly SealedRound[];
      modulus: bigint;
      gates: GateKernel;
    },
    inputs: ReadonlyMap<string, IntegerTensor>,
  ) {
    this.#plan = plan;
    this.#rounds = rounds;
    this.#modulus = modulus;
    this.#gates = gates;
    this.#readings = inputs;
    this.#shares = rounds.map(({ shares }) =>
      new Array<bigint>(shares?.count ?? 0).fill(0n)
    );
  }

  /** The number of the largest score, for each sample; null until the last call was evaluated. */
  get labels(): readonly number[] | null {
    return this.#labels;
  }

  /** Plaintexts that round number `index` takes, in [0, N). */
  plaintexts(index: number): bigint[] {
    const { layout } = this.#plan.rounds[index];
    const fromReading = layout.inputs.some(({ tensor }) =>
      this.#readings.has(tensor)
    );
    const masked = this.#packShares(index);
    if (!fromReading) return masked;
    return this.#packReading(index).map((plaintext, i) =>
      (plaintext + masked[i]) % this.#modulus
    );
  }

  /**
   * Chooses, of decrypted answers, the bits that the round's circuits take.
   *
   * @throws {CipherlayerError} `count-mismatch` if there are fewer or more answers
   */
  choose(
    index: number,
    answers: readonly bigint[],
    batch: TransferBatch,
  ): GarbledCall {
    const { chosen, stages } = this.#rounds[index];
    const expected = answerCiphertexts(this.#plan.rounds[index].layout);
    if (answers.length !== expected) {
      throw new CipherlayerError(
        "count-mismatch",
        `Cannot choose bits: expected ${expected} answers, got ${answers.length}`,
      );
    }
    const words = answers.map((answer) =>
      wordsOfInteger(answer, bitLength(this.#modulus))
    );
    const bits = Uint8Array.from(
      chosen.bit,
      (bit, i) => bitAt(words[chosen.answer[i]], bit),
    );
    const { labels, ...request } = batch.choose(bits);
    return {
      request,
      begin: (salt, { shard = 0, shards = 1, signal } = {}) => {
        const share = shardStages(stages, shard, shards);
        const evaluator = new StageEvaluator(this.#gates, share, {
          choices: labels,
          salt: wordsOfBytes(salt),
          signal,
        });
        return {
          push: (bytes) => evaluator.push(bytes),
          finish: () => this.#take(index, evaluator.finish()),
        };
      },
    };
  }

  /** What other rounds wrote as this round reads it; 0 for the reading. */
  #packShares(index: number): bigint[] {
    const { layout } = this.#plan.rounds[index];
    const masked = new Array<bigint>(inputCiphertexts(layout)).fill(0n);
    this.#rounds.slice(0, index).forEach(({ readers }, writer) => {
      for (const { round, plaintexts, elements, slotBits } of readers) {
        if (round !== index) continue;
        plaintexts.forEach((plaintext, i) => {
          masked[plaintext] += sumInSlots(
            elements[i],
            slotBits,
            (element) => this.#shares[writer][element],
          );
        });
      }
    });
    return masked;
  }

  /** The reading as this round reads it; 0 for what comes from other rounds. */
  #packReading(index: number): bigint[] {
    const { layout } = this.#plan.rounds[index], { samples } = this.#plan;
    const activations = new Map(this.#readings);
    for (const input of layout.inputs) {
      if (this.#readings.has(input.tensor)) continue;
      const count = "length" in input
        ? input.length
        : input.shape.reduce((a, b) => a * b);
      activations.set(input.tensor, {
        shape: [count],
        samples: Array.from({ length: samples }, () => new Float64Array(count)),
      });
    }
    return packInputs(layout, activations, this.#modulus);
  }

  #take(index: number, told: readonly Told[]): void {
    const { shares } = this.#rounds[index];
    if (!shares && told.length > 0) {
      const [{ bits }] = told;
      this.#labels = Array.from(
        { length: this.#plan.samples },
        (_, lane) =>
          bits.reduce((sum, wire, i) => sum + wire[lane] * 2 ** i, 0),
      );
    }
    for (const { part, values } of told) {
      if (part.known?.kind !== "shares") continue;
      const words = new Uint32Array(projectionWords * values.length);
      part.known.element.forEach((element, lane) => {
        const from = projectionWords * lane;
        values.forEach((numbers, i) =>
          words.set(
            numbers.subarray(from, from + projectionWords),
            projectionWords * i,
          )
        );
        this.#shares[index][element] = sumOfNumbers(
          words,
          projectionWords,
          shares!.bits,
        );
      });
    }
  }
}
