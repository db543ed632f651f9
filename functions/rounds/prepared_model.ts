/**
 * Models prepared for evaluation: protected, planned, compiled.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encode } from "cborg";
import type { ModelPackage } from "../../models/package/format.ts";
import {
  callMilliseconds,
  defaultCosts,
  forecastRound,
} from "../../models/planner/cost_model.ts";
import { weightProfiles } from "../../models/planner/weight_profile.ts";
import { type CallLimits, planStepwise } from "../../models/planner/plan.ts";
import {
  type GuardedModel,
  guardModel,
  type RoundGuard,
} from "../../models/protections/guard_model.ts";
import {
  type Protections,
  protectionsOf,
} from "../../models/protections/profile.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { answerCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { lastReadersOf, writersOf } from "../../sdk/wire/dataflow.ts";
import type { InferencePlan } from "../../sdk/wire/plan.ts";
import { CompiledRound } from "./evaluate/compiled_round.ts";
import { LruMap } from "../models/lru.ts";
import { modelRandom } from "./privacy/model_secret.ts";
import { orderUnits } from "./privacy/order.ts";
import { runPaced, type Share, type Task } from "./privacy/paced.ts";

/**
 * Milliseconds that planning may take, of this thread's time: a plan of ResNet-20 takes
 * a quarter of a second, and what `verifyPackage` accepts a few.
 */
const maxPlanningMs = 60_000;
/** Plans held for each model, one for each pair of key length and batch size. */
const plansPerModel = 8;
/** Answers of a round from which on a bank of randomisers repays itself. */
const answersForBank = 5;

/** What a plan is made for. */
interface KeyAndBatch {
  modulusBits: number;
  samples: number;
}

/** A model made ready for a key length and a batch size; nothing in it is per request. */
export class PreparedModel {
  readonly plan: InferencePlan;
  /** SHA-256 of the plan's CBOR. */
  readonly planHash: Uint8Array;
  /** For each round what its answers are guarded by. */
  readonly guards: readonly RoundGuard[];
  /** Rounds from here on take each token once. */
  readonly firstSingleUse: number;
  /** For each round the units of its output that trade places (`orderUnits`). */
  readonly orderUnits: readonly number[];
  /** For each input of each round the round that writes it (`writersOf`). */
  readonly writers: readonly (readonly number[])[];
  /** For each round the last one that reads its output (`lastReadersOf`). */
  readonly lastReaders: readonly number[];
  /** Whether any round gives enough answers for a bank of randomisers. */
  readonly usesBank: boolean;
  /** Ciphertexts that an inference gets back, over all rounds. */
  readonly answers: number;
  readonly #model: ModelPackage;
  readonly #modulusBits: number;
  readonly #rounds: (CompiledRound | undefined)[];
  readonly #predictedMs: (number | undefined)[];

  /** @param plan of the model as it is guarded */
  constructor(
    { model, guards, firstSingleUse }: GuardedModel,
    plan: InferencePlan,
    { channelOrder, modulusBits }: {
      channelOrder: boolean;
      modulusBits: number;
    },
  ) {
    this.#model = model;
    this.#modulusBits = modulusBits;
    this.guards = guards;
    this.firstSingleUse = firstSingleUse;
    this.plan = plan;
    this.planHash = sha256(encode(plan));
    this.orderUnits = plan.rounds.map((_, i) =>
      channelOrder ? orderUnits(plan, i) : 1
    );
    this.writers = writersOf(plan);
    this.lastReaders = lastReadersOf(plan);
    const answers = plan.rounds.map(({ layout }) => answerCiphertexts(layout));
    this.usesBank = answers.some((count) => count >= answersForBank);
    this.answers = answers.reduce((sum, count) => sum + count, 0);
    this.#rounds = plan.rounds.map(() => undefined);
    this.#predictedMs = plan.rounds.map(() => undefined);
  }

  /** Predicted whole milliseconds of round `index` in one part, on one core. */
  predictedMs(index: number): number {
    return this.#predictedMs[index] ??= this.#predict(index);
  }

  #predict(index: number): number {
    const { manifest: { rounds }, tensors } = this.#model;
    const modulusBits = this.#modulusBits, costs = defaultCosts(modulusBits);
    const { layout } = this.plan.rounds[index];
    const forecast = forecastRound(rounds[index], layout, {
      modulusBits,
      costs,
      profiles: weightProfiles(rounds[index], tensors),
      shards: 1,
    });
    return Math.round(callMilliseconds(forecast, costs));
  }

  /** Round number `index`, compiled when first asked for. */
  round(index: number): CompiledRound {
    return this.#rounds[index] ??= new CompiledRound(
      this.#model,
      index,
      this.plan.rounds[index],
    );
  }
}

/** Prepared models by package, key length and batch size, under one sealing key. */
export class PreparedModels {
  readonly #sealingKey: Uint8Array;
  readonly #overrides: Partial<Protections>;
  readonly #callLimits?: CallLimits;
  readonly #known = new WeakMap<ModelPackage, {
    guarded: GuardedModel;
    plans: LruMap<string, Promise<PreparedModel>>;
  }>();

  constructor(
    sealingKey: Uint8Array,
    overrides: Partial<Protections> = {},
    callLimits?: CallLimits,
  ) {
    this.#sealingKey = sealingKey;
    this.#overrides = overrides;
    this.#callLimits = callLimits;
  }

  /**
   * The model made ready, planned when it is first asked for.
   *
   * @param caller whom the planning counts for
   * @throws {CipherlayerError} `unsupported` where the model cannot be guarded or does
   * not fit the key, `too-much-work` where a round cannot be split into calls small
   * enough or planning takes too long
   */
  async get(
    model: ModelPackage,
    options: KeyAndBatch,
    caller?: Share,
  ): Promise<PreparedModel> {
    const { manifest } = model;
    const protections = { ...protectionsOf(manifest), ...this.#overrides };
    let known = this.#known.get(model);
    if (!known) {
      const random = modelRandom(this.#sealingKey, manifest);
      const guarded = declared(() => guardModel(model, protections, random));
      known = { guarded, plans: new LruMap(plansPerModel) };
      this.#known.set(model, known);
    }
    const { guarded, plans } = known;
    const { channelOrder } = protections;
    // What fails once fails always: it is kept too.
    return await plans.getOrMake(
      `${options.modulusBits}/${options.samples}`,
      async () => {
        const plan = await this.#plan(guarded, options, caller);
        return new PreparedModel(guarded, plan, { ...options, channelOrder });
      },
    );
  }

  async #plan(
    { model: { manifest, tensors }, guards }: GuardedModel,
    { modulusBits, samples }: KeyAndBatch,
    caller?: Share,
  ): Promise<InferencePlan> {
    if (samples > 1 && guards.some(({ kind }) => kind === "compared")) {
      // Samples side by side would share scales, and show how scores compare.
      throw new CipherlayerError(
        "unsupported",
        `Cannot start session: model ${manifest.name} takes one sample at a time, got ${samples}`,
      );
    }
    const task = { usedMs: 0, caller };
    const work = planStepwise(manifest, {
      modulusBits,
      samples,
      tensors,
      callLimits: this.#callLimits,
    });
    try {
      return await runPaced(limited(work, task, manifest.name), { task });
    } catch (error) {
      throw declaredFault(error);
    }
  }
}

/** @throws {CipherlayerError} `too-much-work` once the task has had its time */
function* limited<T>(
  work: Generator<void, T>,
  task: Task,
  model: string,
): Generator<void, T> {
  for (;;) {
    const step = work.next();
    if (step.done) return step.value;
    if (task.usedMs > maxPlanningMs) {
      throw new CipherlayerError(
        "too-much-work",
        `Cannot plan model ${model}: expected at most ${maxPlanningMs} ms of work`,
      );
    }
    yield;
  }
}

function declared<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    throw declaredFault(error);
  }
}

/** A model that does not fit is the caller's business to know, not a fault of the functions. */
function declaredFault(error: unknown): CipherlayerError {
  if (error instanceof CipherlayerError) return error;
  const { message } = error as Error;
  return new CipherlayerError("unsupported", message, { cause: error });
}
