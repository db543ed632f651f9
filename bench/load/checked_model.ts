/**
 * Models under load, with readings whose answers are known for certain.
 *
 * @module
 */
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { disturbanceAmplitude } from "../../models/protections/disturbance.ts";
import { protectionsOf } from "../../models/protections/profile.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import type { Answer } from "../../sdk/session/answer.ts";
import { zooFolder } from "../shared/functions_process.ts";
import { seededUnit } from "../shared/seeded.ts";

/** A reading and what the integer simulator gives for it. */
export interface CheckedReading {
  values: number[];
  scores: number[];
  predicted: number;
}

export interface CheckedModel {
  name: string;
  /** Under which it is asked for. */
  servedAs: string;
  readings: CheckedReading[];
}

const readingsEach = 4;
const candidates = 48;
const disturbedRuns = 12;
/** Standard deviations of the noise between the best score and the next. */
const minMargin = 10;

const scoresSuffix = "-scores";

/**
 * Writes packages for the load into `folder`: models of the zoo as they are, which
 * reveal labels, and under names that end in "-scores" the same models revealing
 * exact scores, so that answers can be compared bit for bit.
 *
 * @param copies names of each: the first is its own, `copyOf` gives the others
 */
export async function writeLoadModels(
  names: readonly string[],
  folder: string,
  copies = 1,
): Promise<void> {
  for (const name of names) {
    const zooName = name.replace(scoresSuffix, "");
    const model = await readPackage(`${zooFolder}/${zooName}/package`);
    if (name !== zooName) {
      model.manifest.name = name;
      model.manifest.reveal = "scores";
    }
    for (let copy = 0; copy < copies; copy++) {
      model.manifest.name = copyName(name, copy);
      await writePackage(`${folder}/${model.manifest.name}`, model);
    }
  }
}

/** The same model under another of its names. */
export function copyOf(model: CheckedModel, copy: number): CheckedModel {
  return { ...model, servedAs: copyName(model.name, copy) };
}

function copyName(name: string, copy: number): string {
  return copy === 0 ? name : `${name}-copy${copy}`;
}

/**
 * Reads a package with readings to ask it for. Where the functions add noise, only
 * readings whose label lies far outside of what the noise can do.
 *
 * @throws {Error} if too few of the seeded readings are that certain
 */
export async function readChecked(folder: string): Promise<CheckedModel> {
  const model = await readPackage(folder);
  const certain: Float64Array[] = [];
  for (let seed = 0; seed < candidates; seed++) {
    if (certain.length === readingsEach) break;
    const reading = seededReading(model, seed);
    if (margin(model, reading) >= minMargin) certain.push(reading);
  }
  if (certain.length < readingsEach) {
    throw new Error(
      `Cannot load ${model.manifest.name}: expected ${readingsEach} readings with a certain label, got ${certain.length}`,
    );
  }
  const { inputs } = model.manifest;
  return {
    name: model.manifest.name,
    servedAs: model.manifest.name,
    readings: certain.map((reading) => {
      const scores = Array.from(simulate(model, reading).scores);
      return {
        values: Array.from(realReading(reading, inputs)),
        scores,
        predicted: scores.indexOf(Math.max(...scores)),
      };
    }),
  };
}

/** Whether an answer is the simulator's: every score where they are revealed, else the label. */
export function isRight(answer: Answer, expected: CheckedReading): boolean {
  return answer.predicted === expected.predicted &&
    (answer.scores === null ||
      answer.scores.every((score, i) => score === expected.scores[i]));
}

/** Integers of a smooth reading, another for every seed. */
function seededReading(model: ModelPackage, seed: number): Float64Array {
  const [{ shape, low, high }] = model.manifest.inputs;
  const unit = seededUnit(seed);
  const waves = [unit(), unit(), unit()].map((x) => 5 + 40 * x);
  const length = shape.reduce((size, extent) => size * extent, 1);
  return Float64Array.from({ length }, (_, i) => {
    const wave = waves.reduce(
      (sum, period, k) => sum + Math.sin(k + seed + i / period) / waves.length,
      0,
    );
    const noisy = (wave + 1) / 2 * 0.8 + 0.2 * unit();
    return low + Math.round(noisy * (high - low));
  });
}

/** Distance of the best score from the next, in standard deviations of the noise. */
function margin(model: ModelPackage, reading: Float64Array): number {
  const { manifest } = model;
  const share = protectionsOf(manifest).disturbance;
  if (share === 0) return Infinity;
  const hidden = manifest.rounds.length - 1;
  const amplitudes = manifest.rounds.map((round, i) =>
    i < hidden ? disturbanceAmplitude(round, share) : 0
  );
  const best = leader(simulate(model, reading).scores);
  const leads = Array.from({ length: disturbedRuns }, (_, run) => {
    const unit = seededUnit(run);
    const { scores } = simulate(model, reading, undefined, (round, values) => {
      const amplitude = amplitudes[round];
      values.forEach((value, i) => {
        values[i] = value +
          Math.floor(unit() * (2 * amplitude + 1)) - amplitude;
      });
    });
    const others = scores.filter((_, label) => label !== best);
    return scores[best] - Math.max(...others);
  });
  const mean = leads.reduce((sum, lead) => sum + lead, 0) / disturbedRuns;
  const variance = leads.reduce((sum, lead) => sum + (lead - mean) ** 2, 0) /
    (disturbedRuns - 1);
  return variance === 0
    ? mean > 0 ? Infinity : -Infinity
    : mean / Math.sqrt(variance);
}

function leader(scores: Float64Array): number {
  return scores.indexOf(scores.reduce((a, b) => Math.max(a, b)));
}
