/**
 * What sealing means for a model.
 *
 * @module
 */
import {
  fewLabels,
  type LabelsNeeded,
  labelsNeeded,
} from "../../attack/measure/labels_needed.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { groupDigits, threeDigits } from "./numbers.ts";

/** Labels that could hold the weights, and those of the last round. */
export interface NeededForCopy {
  all: LabelsNeeded;
  lastRound: LabelsNeeded;
}

export const neededForCopy = (model: ModelPackage): NeededForCopy => ({
  all: labelsNeeded(model),
  lastRound: labelsNeeded(model, [model.manifest.rounds.length - 1]),
});

/** For people. */
export const sealedMeaning = ({ all, lastRound }: NeededForCopy): string => {
  const labels = ({ least, assumed }: LabelsNeeded) =>
    `at least ${groupDigits(least)} labels, assume ${groupDigits(assumed)}`;
  return [
    `sealed: a gateway sees uniform numbers and the label, at most ${
      threeDigits(all.bitsPerLabel)
    } bits an answered inference`,
    `to copy all weights: ${labels(all)}; those of the last round: ${
      labels(lastRound)
    }. Set budgets of labels below them (CIPHERLAYER_BUDGET_PER_MODEL_DAY)`,
    ...all.least < fewLabels
      ? [
        `WARNING: fewer than ${
          groupDigits(fewLabels)
        } labels hold this model: an account that is told as many may have copied it`,
      ]
      : [],
  ].join("\n");
};
