/**
 * A model made ready for sealed inferences of one key length and batch size.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "cborg";
import type { ModelPackage } from "../../../models/package/format.ts";
import { planSealedStepwise } from "../../../models/planner/sealed.ts";
import { atOnce } from "../../../sdk/support/pacing.ts";
import { answerCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import type {
  SealedPlan,
  SealedRound,
} from "../../../sdk/garbling/rounds/round.ts";
import {
  leavesOf,
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
  options: { modulusBits: number; samples: number },
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
  /** Leaves of a batch of transfers for one inference. */
  readonly leaves: number;
  /** For each input of each round the round that writes it (`writersOf`). */
  readonly writers: readonly (readonly number[])[];
  /** For each round the last one that reads its output (`lastReadersOf`). */
  readonly lastReaders: readonly number[];
  /** Ciphertexts that an inference gets back. */
  readonly answers: number;
  readonly #model: ModelPackage;
  readonly #compiled: (CompiledRound | undefined)[];

  /**
   * @param made what `sealModel` makes in steps @default made at once
   * @throws {CipherlayerError} `unsupported` where the model cannot be sealed
   */
  constructor(
    model: ModelPackage,
    options: { modulusBits: number; samples: number },
    made: SealedParts = atOnce(sealModel(model, options)),
  ) {
    this.#model = model;
    this.plan = made.plan;
    this.planHash = sha256(encode(this.plan));
    this.rounds = made.rounds;
    this.leaves = leavesOf(this.rounds);
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

  /** Linear part of round number `index`, compiled when first asked for. */
  compiled(index: number): CompiledRound {
    return this.#compiled[index] ??= new CompiledRound(
      this.#model,
      index,
      this.plan.rounds[index],
    );
  }
}
