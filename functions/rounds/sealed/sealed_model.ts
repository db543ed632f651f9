/**
 * A model made ready for sealed inferences of one key length and batch size.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "cborg";
import type { ModelPackage } from "../../../models/package/format.ts";
import type { SealedWork } from "../../admission/rates.ts";
import {
  garblingMs,
  perBatch,
  perChoice,
} from "../../../models/planner/garbling_costs.ts";
import {
  planSealedStepwise,
  type SealedPlanOptions,
} from "../../../models/planner/sealed.ts";
import { atOnce } from "../../../sdk/support/pacing.ts";
import { answerCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import type {
  SealedPlan,
  SealedRound,
} from "../../../sdk/garbling/rounds/round.ts";
import type { Stage } from "../../../sdk/garbling/rounds/stage.ts";
import { garbledBytes } from "../../../sdk/garbling/rounds/run.ts";
import { batchAnswerBytes } from "../../../sdk/transfer/chain.ts";
import {
  batchesOf,
  sealedRoundsStepwise,
} from "../../../sdk/garbling/rounds/sealed_rounds.ts";
import { lastReadersOf, writersOf } from "../../../sdk/wire/dataflow.ts";
import { CompiledRound } from "../evaluate/compiled_round.ts";

/** A plan, and its garbled calls by round. */
export interface SealedParts {
  plan: SealedPlan;
  rounds: readonly SealedRound[];
}

/**
 * Plans a model and builds its circuits, in steps.
 *
 * @throws {CipherlayerError} `unsupported` where the model cannot be sealed
 */
export function* sealModel(
  model: ModelPackage,
  options: SealedPlanOptions,
): Generator<void, SealedParts> {
  const plan = yield* planSealedStepwise(model, options);
  return { plan, rounds: yield* sealedRoundsStepwise(plan) };
}

/** Nothing in it is per request. */
export class SealedModel {
  readonly plan: SealedPlan;
  /** SHA-256 of the plan's CBOR. */
  readonly planHash: Uint8Array;
  /** Garbled calls by round. */
  readonly rounds: readonly SealedRound[];
  /** Transfers of the batch that each linear call may ask for, at least; 0: none. */
  readonly batches: readonly number[];
  /** For each input of each round the round that writes it (`writersOf`). */
  readonly writers: readonly (readonly number[])[];
  /** For each round the last one that reads its output (`lastReadersOf`). */
  readonly lastReaders: readonly number[];
  /** Ciphertexts that an inference gets back. */
  readonly answers: number;
  readonly #model: ModelPackage;
  readonly #modulusBits: number;
  readonly #compiled: (CompiledRound | undefined)[];

  /**
   * @param made what `sealModel` makes in steps @default made at once
   * @throws {CipherlayerError} `unsupported` where the model cannot be sealed
   */
  constructor(
    model: ModelPackage,
    options: SealedPlanOptions,
    made: SealedParts = atOnce(sealModel(model, options)),
  ) {
    this.#model = model;
    this.#modulusBits = options.modulusBits;
    this.plan = made.plan;
    this.planHash = sha256(encode(this.plan));
    this.rounds = made.rounds;
    this.batches = batchesOf(this.rounds);
    this.writers = writersOf(this.plan);
    this.lastReaders = lastReadersOf(this.plan);
    this.answers = this.plan.rounds.reduce(
      (sum, { layout }) => sum + answerCiphertexts(layout),
      0,
    );
    this.#compiled = this.plan.rounds.map(() => undefined);
  }

  get name(): string {
    return this.#model.manifest.name;
  }

  get version(): string {
    return this.#model.manifest.version;
  }

  /**
   * What a linear call asks for, earlier transfers being at hand.
   *
   * @param asksForBatch whether it asks for its batch
   */
  linearWork(index: number, asksForBatch: boolean): SealedWork {
    const { layout, shards } = this.plan.rounds[index];
    const batch = asksForBatch ? this.batches[index] : 0;
    const modulusBits = this.#modulusBits;
    const answers = Math.ceil(answerCiphertexts(layout) / shards);
    return {
      ms: this.compiled(index).predictedMs(shards, modulusBits) +
        (batch === 0 ? 0 : perBatch.functions),
      bytes: answers * modulusBits / 4 +
        (batch === 0 ? 0 : batchAnswerBytes(batch)),
    };
  }

  /** What a garbled call asks for, its transfers being at hand. */
  garbledWork(stages: readonly Stage[], index: number): SealedWork {
    const { chosen } = this.rounds[index];
    return {
      ms: garblingMs(stages) + chosen.bit.length * perChoice,
      bytes: garbledBytes(stages),
    };
  }

  /** Linear part of round number `index`, compiled when first asked for. */
  compiled(index: number): CompiledRound {
    return this.#compiled[index] ??= new CompiledRound(
      this.#model,
      index,
      this.plan.rounds[index],
    );
  }
}
