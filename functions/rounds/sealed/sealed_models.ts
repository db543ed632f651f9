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
import { runPaced, type Share } from "../privacy/paced.ts";
import { SealedModel, sealModel } from "./sealed_model.ts";

/**
 * Plans held for each model, one for each pair of key length and batch size: few, since
 * their circuits are large.
 */
const plansPerModel = 2;

/** Nothing in it depends on a sealing key. */
export class SealedModels {
  readonly #known = new WeakMap<
    ModelPackage,
    LruMap<string, Promise<SealedModel>>
  >();
  readonly #callLimits: CallLimits | undefined;

  /** @param callLimits rounds are split until each call fits @default none */
  constructor(callLimits?: CallLimits) {
    this.#callLimits = callLimits;
  }

  /**
   * The model made ready, planned and built when it is first asked for.
   *
   * @param caller whom the work counts for
   * @throws {CipherlayerError} `unsupported` where it cannot be sealed, does not fit the
   * key, or has garbled calls that are too large
   */
  get(
    model: ModelPackage,
    options: { modulusBits: number; samples: number },
    caller?: Share,
  ): Promise<SealedModel> {
    let plans = this.#known.get(model);
    if (!plans) this.#known.set(model, plans = new LruMap(plansPerModel));
    const key = `${options.modulusBits}/${options.samples}`;
    // What fails once fails always: it is kept too.
    return plans.getOrMake(
      key,
      () =>
        prepare(model, { ...options, callLimits: this.#callLimits }, caller),
    );
  }
}

/** A model that does not fit the key is the caller's business, not a fault of the functions. */
async function prepare(
  model: ModelPackage,
  options: SealedPlanOptions,
  caller?: Share,
): Promise<SealedModel> {
  try {
    const task = { usedMs: 0, caller };
    const made = await runPaced(sealModel(model, options), { task });
    return new SealedModel(model, options, made);
  } catch (cause) {
    if (cause instanceof CipherlayerError) throw cause;
    const { message } = cause as Error;
    throw new CipherlayerError("unsupported", message, { cause });
  }
}
