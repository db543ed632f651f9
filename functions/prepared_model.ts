import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "cborg";
import type { ModelPackage } from "../models/package_format.ts";
import { planInference } from "../models/plan.ts";
import { CipherlayerError } from "../sdk/errors.ts";
import { answerCiphertexts } from "../sdk/fixed_point/layout.ts";
import type { InferencePlan } from "../sdk/wire/plan.ts";
import { CompiledRound } from "./layers/compiled_round.ts";
import { LruMap } from "./lru.ts";
import { orderUnits } from "./privacy/order.ts";

/** Plans held for each model, one for each pair of key length and batch size. */
const plansPerModel = 8;
/** Answers of a round from which on a bank of randomisers repays itself. */
const answersForBank = 5;

/** A model made ready for a key length and a batch size; nothing in it is per request. */
export class PreparedModel {
  readonly plan: InferencePlan;
  /** SHA-256 of the plan's CBOR. */
  readonly planHash: Uint8Array;
  /** For each round the units of its output that trade places (`orderUnits`). */
  readonly orderUnits: readonly number[];
  /** Whether any round gives enough answers for a bank of randomisers. */
  readonly usesBank: boolean;
  readonly #rounds: (CompiledRound | undefined)[];

  /** @throws {CipherlayerError} `unsupported` where the model does not fit the key */
  constructor(
    readonly model: ModelPackage,
    options: { modulusBits: number; samples: number },
  ) {
    const { manifest, tensors } = model;
    try {
      this.plan = planInference(manifest, { ...options, tensors });
    } catch (cause) {
      throw new CipherlayerError("unsupported", (cause as Error).message, {
        cause,
      });
    }
    this.planHash = sha256(encode(this.plan));
    this.orderUnits = this.plan.rounds.map((_, i) => orderUnits(this.plan, i));
    this.usesBank = this.plan.rounds.some(({ layout }) =>
      answerCiphertexts(layout) >= answersForBank
    );
    this.#rounds = this.plan.rounds.map(() => undefined);
  }

  /** Round number `index`, compiled when first asked for. */
  round(index: number): CompiledRound {
    return this.#rounds[index] ??= new CompiledRound(
      this.model,
      index,
      this.plan.rounds[index],
    );
  }
}

/** Prepared models by package, key length and batch size. */
export class PreparedModels {
  readonly #prepared = new WeakMap<
    ModelPackage,
    LruMap<string, PreparedModel>
  >();

  get(
    model: ModelPackage,
    options: { modulusBits: number; samples: number },
  ): PreparedModel {
    let plans = this.#prepared.get(model);
    if (!plans) this.#prepared.set(model, plans = new LruMap(plansPerModel));
    return plans.getOrMake(
      `${options.modulusBits}/${options.samples}`,
      () => new PreparedModel(model, options),
    );
  }
}
