/**
 * Models made ready for sealed inferences, kept by package, key length and batch size.
 *
 * @module
 */
import type { CallLimits } from "../../../models/planner/plan.ts";
import type { SealedPlanOptions } from "../../../models/planner/sealed.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { CipherlayerError } from "../../../sdk/support/errors.ts";
import { LruMap } from "../../models/lru.ts";
import { SealedModel } from "./sealed_model.ts";

/** Plans held for each model, one for each pair of key length and batch size. */
const plansPerModel = 8;

/** Nothing in it depends on a sealing key. */
export class SealedModels {
  readonly #known = new WeakMap<
    ModelPackage,
    LruMap<string, SealedModel | CipherlayerError>
  >();
  readonly #callLimits: CallLimits | undefined;

  /** @param callLimits rounds are split until each call fits @default none */
  constructor(callLimits?: CallLimits) {
    this.#callLimits = callLimits;
  }

  /**
   * The model made ready, planned when it is first asked for.
   *
   * @throws {CipherlayerError} `unsupported` where it cannot be sealed, does not fit the
   * key, or has garbled calls that are too large
   */
  get(
    model: ModelPackage,
    options: { modulusBits: number; samples: number },
  ): SealedModel {
    let plans = this.#known.get(model);
    if (!plans) this.#known.set(model, plans = new LruMap(plansPerModel));
    const key = `${options.modulusBits}/${options.samples}`;
    // What fails once fails always: it is kept too.
    const made = plans.getOrMake(
      key,
      () => prepare(model, { ...options, callLimits: this.#callLimits }),
    );
    if (made instanceof CipherlayerError) throw made;
    return made;
  }
}

/** A model that does not fit the key is the caller's business, not a fault of the functions. */
function prepare(
  model: ModelPackage,
  options: SealedPlanOptions,
): SealedModel | CipherlayerError {
  try {
    return new SealedModel(model, options);
  } catch (cause) {
    if (cause instanceof CipherlayerError) return cause;
    const { message } = cause as Error;
    return new CipherlayerError("unsupported", message, { cause });
  }
}
