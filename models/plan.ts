/** The planner: chooses how every round is packed (DESIGN section 7). */
import { headroomBits } from "../sdk/fixed_point/layout.ts";
import type { InferencePlan, RoundLayout } from "../sdk/wire/plan.ts";
import {
  type Costs,
  defaultCosts,
  forecastRound,
  type RoundForecast,
} from "./cost_model.ts";
import type { IntegerTensor, Manifest, RoundSpec } from "./package_format.ts";
import { denseLayouts } from "./planner/dense.ts";
import { weightProfiles } from "./planner/weight_profile.ts";
import { plainSlotBits } from "./planner/slot_width.ts";
import { spatialLayouts } from "./planner/spatial.ts";

export interface PlanOptions {
  /** Bits of the edge's modulus N. */
  modulusBits: number;
  /** Samples per inference, side by side in the slots. */
  samples: number;
  /** Defaults to the committed costs of the key size. */
  costs?: Costs;
  /** The package's weights, for a closer forecast of the cloud's work. */
  tensors?: ReadonlyMap<string, IntegerTensor>;
}

/** One way to pack a round and what it would cost. */
export interface RoundCandidate {
  layout: RoundLayout;
  forecast: RoundForecast;
}

/**
 * Plans an inference: for each round the layout of least predicted time. The
 * same arguments give the same plan on every machine.
 *
 * @throws {RangeError} if `modulusBits` or `samples` is not a positive integer
 * @throws {Error} if a round does not fit a plaintext, naming round and numbers
 */
export function planInference(
  manifest: Manifest,
  options: PlanOptions,
): InferencePlan {
  return {
    samples: options.samples,
    input: manifest.input,
    rounds: manifest.rounds.map((round) => {
      const [{ layout, forecast }] = planRound(round, options);
      const { steps, writes } = round;
      return { layout, steps, writes, shards: forecast.shards };
    }),
    output: { ...manifest.output, reveal: manifest.reveal },
  };
}

/**
 * Most samples that an inference under a key of `modulusBits` may carry side by
 * side; 0 where not even one fits.
 *
 * @throws {Error} if a round's accumulators fit no slot
 */
export function mostSamples(manifest: Manifest, modulusBits: number): number {
  return manifest.rounds.reduce(
    (most, round) =>
      Math.min(
        most,
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
  { modulusBits, samples, tensors, ...options }: PlanOptions,
): RoundCandidate[] {
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
  if (layouts.length === 0) {
    throw new Error(
      `Cannot plan round "${round.name}": expected at most ${
        modulusBits - headroomBits
      } bits of a ${modulusBits}-bit plaintext, got ${samples} samples of ${
        plainSlotBits(round)
      } bits`,
    );
  }
  return layouts
    .map((layout) => ({
      layout,
      forecast: forecastRound(round, layout, modulusBits, costs, profiles),
    }))
    .sort((a, b) => a.forecast.totalMs - b.forecast.totalMs);
}
