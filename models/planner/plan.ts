/**
 * The planner: chooses how every round is packed.
 *
 * @module
 */
import { headroomBits } from "../../sdk/fixed_point/layout.ts";
import {
  type InferencePlan,
  planFormat,
  type RoundLayout,
  type RoundPlan,
} from "../../sdk/wire/plan.ts";
import { interfaceOf } from "../../sdk/wire/values.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { atOnce } from "../../sdk/support/pacing.ts";
import {
  callMilliseconds,
  type Costs,
  defaultCosts,
  forecastRound,
  type RoundForecast,
} from "./cost_model.ts";
import type { Manifest, RoundSpec, WeightTensor } from "../package/format.ts";
import { denseLayouts } from "./dense.ts";
import { weightProfiles } from "./weight_profile.ts";
import { plainSlotBits } from "./slot_width.ts";
import { spatialLayouts } from "./spatial.ts";

export interface PlanOptions {
  /** Bits of the gateway's modulus N. */
  modulusBits: number;
  /** Samples per inference, side by side in the slots. */
  samples: number;
  /** Defaults to the committed costs of the key size. */
  costs?: Costs;
  /** The package's weights, for a closer forecast of the cloud's work. */
  tensors?: ReadonlyMap<string, WeightTensor>;
  /** What one call may take; unlimited by default. */
  callLimits?: CallLimits;
}

/** Rounds are split into shards until each fits. */
export interface CallLimits {
  /** Predicted milliseconds of the cloud, on one core (`callMilliseconds`). */
  maxMillisecondsPerCall: number;
  /** Most parts of a round. */
  shards: number;
}

/** One way to pack a round and what it would cost. */
export interface RoundCandidate {
  layout: RoundLayout;
  forecast: RoundForecast;
  /** The cloud's milliseconds for one call, on one core. */
  callMs: number;
}

/**
 * Plans an inference: for each round the layout of least predicted time. The
 * same arguments give the same plan on every machine.
 *
 * @throws {RangeError} if `modulusBits` or `samples` is not a positive integer
 * @throws {Error} if a round does not fit a plaintext, naming round and numbers
 * @throws {CipherlayerError} `too-much-work` if a round cannot be split into calls small enough
 */
export function planInference(
  manifest: Manifest,
  options: PlanOptions,
): InferencePlan {
  return atOnce(planStepwise(manifest, options));
}

/** {@linkcode planInference} in steps, one for each layout that is compared. */
export function* planStepwise(
  manifest: Manifest,
  options: PlanOptions,
): Generator<void, InferencePlan> {
  const rounds: RoundPlan[] = [];
  for (const round of manifest.rounds) {
    const { layout, forecast } = yield* planRoundStepwise(round, options);
    const { steps, writes } = round;
    rounds.push({ layout, steps, writes, shards: forecast.shards });
  }
  return {
    format: planFormat,
    samples: options.samples,
    ...interfaceOf(manifest),
    rounds,
  };
}

/**
 * The cheapest of {@linkcode planRound}, in steps. One candidate is kept at a time: a
 * large map has thousands, each of megabytes.
 *
 * @throws as {@linkcode planInference}
 */
export function* planRoundStepwise(
  round: RoundSpec,
  options: PlanOptions,
): Generator<void, RoundCandidate> {
  let best: RoundCandidate | undefined;
  let minMs = Infinity;
  for (const candidate of candidates(round, options)) {
    minMs = Math.min(minMs, candidate.callMs);
    if (
      fits(candidate, options) &&
      !(best && best.forecast.totalMs <= candidate.forecast.totalMs)
    ) best = candidate;
    yield;
  }
  if (!best) throw tooMuchWork(round, minMs, options);
  return best;
}

/**
 * Most samples that an inference under a key of `modulusBits` may carry side by
 * side; 0 where not even one fits.
 *
 * @throws {Error} if a round's accumulators fit no slot
 */
export function maxSamples(manifest: Manifest, modulusBits: number): number {
  return manifest.rounds.reduce(
    (max, round) =>
      Math.min(
        max,
        Math.floor((modulusBits - headroomBits) / plainSlotBits(round)),
      ),
    Infinity,
  );
}

/**
 * Every way to pack one round, the cheapest first.
 *
 * @throws as {@linkcode planInference}
 */
export function planRound(
  round: RoundSpec,
  options: PlanOptions,
): RoundCandidate[] {
  const all = [...candidates(round, options)];
  const fitting = all.filter((candidate) => fits(candidate, options));
  if (fitting.length === 0) {
    const minMs = Math.min(...all.map(({ callMs }) => callMs));
    throw tooMuchWork(round, minMs, options);
  }
  return fitting.sort((a, b) => a.forecast.totalMs - b.forecast.totalMs);
}

/** Every layout, and what it costs in as many parts as make its calls small enough. */
function* candidates(
  round: RoundSpec,
  { modulusBits, samples, tensors, callLimits = unlimited, ...options }:
    PlanOptions,
): Generator<RoundCandidate, void> {
  for (const [name, value] of Object.entries({ modulusBits, samples })) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new RangeError(
        `Cannot plan: expected ${name} to be a positive integer, got ${value}`,
      );
    }
  }
  const costs = options.costs ?? defaultCosts(modulusBits);
  const profiles = weightProfiles(round, tensors);
  const layouts = round.terms[0].kind === "dense"
    ? denseLayouts(round, modulusBits, samples)
    : spatialLayouts(round, modulusBits, samples);
  let count = 0;
  for (const layout of layouts) {
    const forecastIn = (shards?: number) =>
      forecastRound(round, layout, { modulusBits, costs, profiles, shards });
    const forecast = splitToFit(forecastIn, costs, callLimits);
    yield { layout, forecast, callMs: callMilliseconds(forecast, costs) };
    count++;
  }
  if (count > 0) return;
  throw new Error(
    `Cannot plan round "${round.name}": expected at most ${
      modulusBits - headroomBits
    } bits of a ${modulusBits}-bit plaintext, got ${samples} samples of ${
      plainSlotBits(round)
    } bits`,
  );
}

const unlimited: CallLimits = {
  maxMillisecondsPerCall: Infinity,
  shards: Infinity,
};

function fits(
  { callMs }: RoundCandidate,
  { callLimits = unlimited }: PlanOptions,
): boolean {
  return callMs <= callLimits.maxMillisecondsPerCall;
}

function tooMuchWork(
  { name }: RoundSpec,
  minMs: number,
  { callLimits = unlimited }: PlanOptions,
): CipherlayerError {
  return new CipherlayerError(
    "too-much-work",
    `Cannot plan round "${name}": expected calls of at most ${callLimits.maxMillisecondsPerCall} ms, got ${
      Math.ceil(minMs)
    } ms in ${callLimits.shards} parts or as many as it has answers`,
  );
}

/**
 * The forecast in as many parts as time gains by, and then twice as many until a call
 * fits; the one of most parts where none does.
 */
function splitToFit(
  forecastIn: (shards?: number) => RoundForecast,
  costs: Costs,
  limits: CallLimits,
): RoundForecast {
  let forecast = forecastIn();
  const max = Math.min(limits.shards, forecast.ciphertextsDown);
  const isTooLong = () =>
    callMilliseconds(forecast, costs) > limits.maxMillisecondsPerCall;
  while (isTooLong() && forecast.shards < max) {
    forecast = forecastIn(Math.min(2 * forecast.shards, max));
  }
  return forecast;
}
