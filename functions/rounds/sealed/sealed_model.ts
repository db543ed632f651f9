/**
 * A model made ready for sealed inferences of one key length and batch size.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "cborg";
import type { ModelPackage } from "../../../models/package/format.ts";
import { planSealed } from "../../../models/planner/sealed.ts";
import { answerCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import type {
  SealedPlan,
  SealedRound,
} from "../../../sdk/garbling/rounds/round.ts";
import {
  choicesOf,
  sealedRounds,
} from "../../../sdk/garbling/rounds/sealed_rounds.ts";
import { CompiledRound } from "../evaluate/compiled_round.ts";

/** Nothing in it is per request. */
export class SealedModel {
  readonly plan: SealedPlan;
  /** SHA-256 of the plan's CBOR. */
  readonly planHash: Uint8Array;
  /** Garbled calls by round. */
  readonly rounds: readonly SealedRound[];
  /** Choices of an inference: so many transfers its batch has, at least. */
  readonly choices: number;
  /** Ciphertexts that an inference gets back. */
  readonly answers: number;
  readonly #model: ModelPackage;
  readonly #compiled: (CompiledRound | undefined)[];

  /** @throws {CipherlayerError} `unsupported` where the model cannot be sealed */
  constructor(
    model: ModelPackage,
    options: { modulusBits: number; samples: number },
  ) {
    this.#model = model;
    this.plan = planSealed(model, options);
    this.planHash = sha256(encode(this.plan));
    this.rounds = sealedRounds(this.plan);
    this.choices = choicesOf(this.rounds);
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
