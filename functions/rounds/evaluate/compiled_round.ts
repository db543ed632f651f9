/**
 * A round prepared for evaluation: its digits and its method for a number of shards.
 *
 * @module
 */
import {
  callMilliseconds,
  defaultCosts,
  forecastRound,
} from "../../../models/planner/cost_model.ts";
import type {
  ModelPackage,
  RoundSpec,
} from "../../../models/package/format.ts";
import {
  cheapestMethod,
  type Method,
} from "../../../models/planner/products.ts";
import type { Strategy } from "../../../models/planner/strategy.ts";
import {
  type WeightProfile,
  weightProfiles,
} from "../../../models/planner/weight_profile.ts";
import { answerCiphertexts } from "../../../sdk/fixed_point/layout.ts";
import type { RoundPlan } from "../../../sdk/wire/plan.ts";
import { type MapDigits, mapDigits } from "./accumulate.ts";
import { type LinearMap, linearMap } from "./linear_layer.ts";

/** How a call of a certain size is evaluated. */
export interface CompiledMethod extends Method {
  digits: MapDigits;
}

/** All of a round that does not depend on requests; methods are made when first needed. */
export class CompiledRound {
  readonly map: LinearMap;
  readonly answers: number;
  /** By shard count, rounded up to a power of two, so that they stay few. */
  readonly #methods = new Map<number, CompiledMethod>();
  readonly #predictedMs = new Map<number, number>();

  readonly #spec: RoundSpec;
  readonly #profiles: WeightProfile[];

  constructor(model: ModelPackage, index: number, readonly plan: RoundPlan) {
    this.#spec = model.manifest.rounds[index];
    this.#profiles = weightProfiles(this.#spec, model.tensors);
    this.map = linearMap(this.#spec, plan.layout, model.tensors);
    this.answers = answerCiphertexts(plan.layout);
  }

  /**
   * Predicted milliseconds of a call for 1/`shards` of the answers, as the planner
   * counts them.
   */
  predictedMs(shards: number, modulusBits: number): number {
    const known = this.#predictedMs.get(shards);
    if (known !== undefined) return known;
    const costs = defaultCosts(modulusBits);
    const forecast = forecastRound(this.#spec, this.plan.layout, {
      modulusBits,
      costs,
      profiles: this.#profiles,
      shards,
    });
    const predictedMs = callMilliseconds(forecast, costs);
    this.#predictedMs.set(shards, predictedMs);
    return predictedMs;
  }

  /** The method for calls that evaluate about 1/`shards` of the answers. */
  method(shards: number): CompiledMethod {
    const parts = 2 ** Math.ceil(Math.log2(shards));
    const known = this.#methods.get(parts);
    if (known) return known;
    const answers = Math.ceil(this.answers / parts);
    const chosen = cheapestMethod(
      this.#spec,
      this.plan.layout,
      answers,
      this.#profiles,
    );
    const digits = this.#sameDigits(chosen.strategy) ??
      mapDigits(this.map, chosen.strategy);
    const method = { ...chosen, digits };
    this.#methods.set(parts, method);
    return method;
  }

  #sameDigits(strategy: Strategy): MapDigits | undefined {
    for (const method of this.#methods.values()) {
      const { planes, halfRange } = method.strategy;
      if (planes === strategy.planes && halfRange === strategy.halfRange) {
        return method.digits;
      }
    }
  }
}
