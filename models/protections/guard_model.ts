/**
 * From a model to what the functions evaluate: the same answers, better guarded.
 *
 * @module
 */
import { randomBelow } from "../../sdk/paillier/public/random_integer.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import {
  multipliesByPowersOfTwo,
  outputTensors,
} from "../../sdk/wire/check_interface.ts";
import { accumulatorBound } from "../package/bounds.ts";
import type {
  ModelPackage,
  RoundSpec,
  WeightTensor,
} from "../package/format.ts";
import { disturbanceAmplitude } from "./disturbance.ts";
import { addHiddenDecoys } from "./hidden_decoys.ts";
import type { Protections } from "./profile.ts";
import { combine, type Row, rowsOf, setRows } from "./rows.ts";
import {
  type ScoreRow,
  withConvexDecoys,
  withRandomDecoys,
} from "./score_decoys.ts";

/** What is done to the answers of a round beyond mask and re-randomisation. */
export type RoundGuard =
  | { kind: "none" }
  /** Uniform integers in [-amplitude, amplitude] on every accumulator. */
  | { kind: "disturbed"; amplitude: number }
  /**
   * Accumulator z at place p leaves as scale*(ranks*z + p) + noise + shift: one
   * scale below 2^scaleBits for the request, noise in [0, scale), one shift in
   * [-shiftLimit, shiftLimit] for each sample.
   */
  | { kind: "blinded"; ranks: number; scaleBits: number; shiftLimit: number }
  /**
   * Difference d leaves as sign*(scale*(2d + 1) + noise): scale below 2^scaleBits
   * and sign for each value, noise in (-scale, scale).
   */
  | { kind: "compared"; scaleBits: number }
  /** Takes comparisons, undoes their signs. */
  | { kind: "counted" }
  /** Takes a selector; with `check` only selectors of sum 1 decode. */
  | { kind: "selected"; check: boolean };

export interface GuardedModel {
  model: ModelPackage;
  /** For each round. */
  guards: RoundGuard[];
  /** Rounds from here on take each token once. */
  firstSingleUse: number;
  /** The model with its hidden decoys and its own last round, for comparison. */
  widened: ModelPackage;
  /** For each row of the scores' round the label that it stands for, -1 for decoys. */
  scoreLabels: number[];
}

/** Most scores that are compared in pairs: 496 pairs. */
const maxCompared = 32;
/** Accumulators stay below this, so that slots hold them exactly. */
const maxBound = 2 ** 51;
const minScaleBits = 8;

/**
 * Applies the protections that change what is evaluated: decoys, the rounds that
 * turn scores into a label, and bounds for the noise of the others.
 *
 * @param random decides decoys; the same bytes give the same model
 * @throws {Error} naming the round, where scores are too wide or too many to be guarded
 */
export function guardModel(
  model: ModelPackage,
  protections: Protections,
  random: RandomSource,
): GuardedModel {
  const wider = protections.hiddenDecoys > 0
    ? addHiddenDecoys(model, protections.hiddenDecoys, random)
    : model;
  const tensors = new Map(wider.tensors);
  const revealed = outputTensors(model.manifest);
  const hidden = wider.manifest.rounds.slice(0, -1).map((round) => {
    const kept = round.steps.flatMap((step) =>
      step.op === "keep" ? [step.as] : []
    );
    const amplitude = [...kept, round.writes].some((name) => revealed.has(name))
      ? 0
      : disturbanceAmplitude(round, protections.disturbance);
    const guard: RoundGuard = amplitude === 0
      ? { kind: "none" }
      : { kind: "disturbed", amplitude };
    return { round: { ...round, bound: round.bound + amplitude }, guard };
  });
  const { rounds, scoreLabels } = scoreRounds(
    wider,
    tensors,
    protections,
    random,
  );
  const all = [...hidden, ...rounds];
  const guarded = all.map(({ round }) => round);
  const { outputs, reveal } = wider.manifest;
  return {
    model: {
      manifest: {
        ...wider.manifest,
        rounds: guarded,
        powerOfTwo: multipliesByPowersOfTwo(guarded),
        outputs: reveal === "scores" ? outputs : [
          { ...outputs[0], tensor: guarded[guarded.length - 1].writes },
        ],
      },
      tensors,
    },
    guards: all.map(({ guard }) => guard),
    firstSingleUse: protections.singleUse ? hidden.length + 1 : all.length,
    widened: wider,
    scoreLabels,
  };
}

interface GuardedRound {
  round: RoundSpec;
  guard: RoundGuard;
}

interface ScoreRounds {
  rounds: GuardedRound[];
  scoreLabels: number[];
}

/** The last round and those behind it. */
function scoreRounds(
  { manifest }: ModelPackage,
  tensors: Map<string, WeightTensor>,
  protections: Protections,
  random: RandomSource,
): ScoreRounds {
  const last = manifest.rounds[manifest.rounds.length - 1];
  if (manifest.reveal === "scores") {
    return {
      rounds: [{ round: last, guard: { kind: "none" } }],
      scoreLabels: Array.from({ length: last.outputShape[0] }, (_, i) => i),
    };
  }
  return protections.scores === "compared"
    ? comparedRounds(last, tensors, protections)
    : selectedRounds(last, tensors, protections, random);
}

/** Scores and decoys, of which the gateway selects the largest; then the label. */
function selectedRounds(
  last: RoundSpec,
  tensors: Map<string, WeightTensor>,
  protections: Protections,
  random: RandomSource,
): ScoreRounds {
  const real = rowsOf(last, tensors);
  const rows = shuffle(decoysAmong(real, last, protections, random), random);
  setRows(last, rows, tensors);
  const round: RoundSpec = {
    ...last,
    outputShape: [rows.length],
    steps: [{ op: "selectLargest" }],
    writes: unusedName("selector", last),
  };
  round.bound = accumulatorBound(round, tensors);
  let guard: RoundGuard = { kind: "none" };
  if (protections.scores === "blinded") {
    const ranks = 2 ** Math.ceil(Math.log2(rows.length));
    const room = maxBound / (2 * ranks * (round.bound + 2));
    const scaleBits = scaleBitsWithin(room, 16, last);
    const shiftLimit = 2 ** scaleBits * ranks * round.bound;
    guard = { kind: "blinded", ranks, scaleBits, shiftLimit };
    round.bound = 2 ** scaleBits * ranks * (round.bound + 2) + shiftLimit;
  }
  return {
    rounds: [
      { round, guard },
      labelRound(round, rows.map(({ label }) => label), protections, tensors),
    ],
    scoreLabels: rows.map(({ label, real }) => real ? label : -1),
  };
}

function decoysAmong(
  rows: Row[],
  last: RoundSpec,
  { scoreDecoys }: Protections,
  random: RandomSource,
): ScoreRow[] {
  switch (scoreDecoys) {
    case "none":
      return rows.map((row, label) => ({ ...row, label, real: true }));
    case "random":
      return withRandomDecoys(rows, last, random);
    case "convex":
      return withConvexDecoys(rows, last.bound, random);
  }
}

/** Differences of all pairs of scores, their count of wins for each score, the label. */
function comparedRounds(
  last: RoundSpec,
  tensors: Map<string, WeightTensor>,
  protections: Protections,
): ScoreRounds {
  const rows = rowsOf(last, tensors);
  if (rows.length > maxCompared) {
    throw new Error(
      `Cannot guard round "${last.name}": expected at most ${maxCompared} scores to compare, got ${rows.length}; use the profile standard`,
    );
  }
  const pairs = rows.flatMap((_, first) =>
    rows.slice(first + 1).map((_, i) => [first, first + 1 + i])
  );
  setRows(
    last,
    pairs.map(([a, b]) => combine([[1, rows[a]], [-1, rows[b]]])),
    tensors,
  );
  const differences: RoundSpec = {
    ...last,
    outputShape: [pairs.length],
    steps: [{ op: "isNonNegative" }],
    writes: unusedName("comparisons", last),
    alone: true,
  };
  const bound = accumulatorBound(differences, tensors);
  const scaleBits = scaleBitsWithin(maxBound / (2 * bound + 2), 24, last);
  differences.bound = 2 ** scaleBits * (2 * bound + 2);

  // Pair (a, b) tells whether a is ahead: it counts for a, its opposite for b.
  const wins = rows.map((_, score): Row => ({
    weights: Int32Array.from(
      pairs,
      ([a, b]) => a === score ? 1 : b === score ? -1 : 0,
    ),
    bias: pairs.filter(([, b]) => b === score).length,
  }));
  const counts = denseRound("wins", differences, [pairs.length, rows.length]);
  counts.steps = [{ op: "selectLargest" }];
  counts.writes = unusedName("selector", last);
  setRows(counts, wins, tensors);
  counts.bound = accumulatorBound(counts, tensors);
  const rounds: GuardedRound[] = [
    { round: differences, guard: { kind: "compared", scaleBits } },
    { round: counts, guard: { kind: "counted" } },
    labelRound(counts, [...rows.keys()], protections, tensors),
  ];
  return { rounds, scoreLabels: pairs.map(() => -1) };
}

/** The round that gives the label of the row that a selector names. */
function labelRound(
  selecting: RoundSpec,
  labels: number[],
  { selectorCheck }: Protections,
  tensors: Map<string, WeightTensor>,
): GuardedRound {
  const round = denseRound("label", selecting, [labels.length, 1]);
  setRows(round, [{ weights: Int32Array.from(labels), bias: 0 }], tensors);
  // Of selectors: no wider than it must be, for its width bounds what others give.
  round.bound = labels.reduce((a, b) => Math.max(a, b));
  round.writes = unusedName("label", selecting);
  return { round, guard: { kind: "selected", check: selectorCheck } };
}

/** A dense round on the zeros and ones that `source` writes. */
function denseRound(
  name: string,
  source: RoundSpec,
  [inputs, outputs]: [number, number],
): RoundSpec {
  return {
    name,
    terms: [{
      kind: "dense",
      reads: source.writes,
      length: inputs,
      low: 0,
      high: 1,
      weights: unusedName(`${name}.weights`, source),
    }],
    outputShape: [outputs],
    bias: unusedName(`${name}.bias`, source),
    bound: 0,
    steps: [],
    writes: "",
    alone: true,
  };
}

/** A name that the model itself does not use. */
function unusedName(name: string, { writes }: RoundSpec): string {
  return `${writes}:${name}`;
}

function scaleBitsWithin(room: number, max: number, last: RoundSpec): number {
  const bits = Math.min(max, Math.floor(Math.log2(room)));
  if (bits < minScaleBits) {
    throw new Error(
      `Cannot guard round "${last.name}": expected scores of ${
        minScaleBits - bits
      } bits less; use narrower weights or reveal scores`,
    );
  }
  return bits;
}

function shuffle<T>(items: T[], random: RandomSource): T[] {
  const rest = [...items];
  return items.map(() =>
    rest.splice(Number(randomBelow(BigInt(rest.length), random)), 1)[0]
  );
}
