/**
 * What an attack reports, and how its report is made.
 *
 * @module
 */
import type { Spent } from "../client/hostile_client.ts";
import type { AttackedProfile } from "../client/target.ts";

/** What an attack found; null where it is not about that. */
export interface Finding {
  /** Name of the round that it is aimed at. */
  round: string;
  /** What was left out to save time, or null. */
  scaledDown: string | null;
  /** Share of weights found within half a quantisation step, up to order and scale. */
  recovered: number | null;
  /** The same where nothing is known of them. */
  chance: number | null;
  /** Mean cosine of true rows and found ones. */
  cosine: number | null;
  /** Probability that a decoy is ranked below a real neuron: 0.5 is chance. */
  decoyAuc: number | null;
  /** Share of held-out inputs on which a clone of the layer names the same label. */
  agreement: number | null;
  /** The same of a clone that saw the labels of as many queries alone. */
  labelOnlyAgreement: number | null;
  /** In words: what happened. */
  outcome: string;
  /** Recovery after so many queries. */
  curve: CurvePoint[];
}

export interface CurvePoint {
  queries: number;
  recovered: number;
}

export interface AttackReport extends Finding, Spent {
  attack: string;
  profile: AttackedProfile;
  ms: number;
}

/** A finding of which only the round and the outcome are known so far. */
export function finding(
  round: string,
  outcome: string,
  rest: Partial<Finding> = {},
): Finding {
  return {
    round,
    scaledDown: null,
    recovered: null,
    chance: null,
    cosine: null,
    decoyAuc: null,
    agreement: null,
    labelOnlyAgreement: null,
    outcome,
    curve: [],
    ...rest,
  };
}
