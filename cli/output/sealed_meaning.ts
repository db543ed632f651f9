/**
 * What sealing means for a model.
 *
 * @module
 */
import {
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

/** For people, in two sentences. */
export const sealedMeaning = ({ all, lastRound }: NeededForCopy): string =>
  `sealed: a gateway sees uniform numbers and the label, at most ${
    threeDigits(all.bitsPerLabel)
  } bits an answered inference. No fewer than ${
    groupDigits(all.least)
  } labels hold the weights, ${
    groupDigits(lastRound.least)
  } those of the last round: set budgets of labels below them (CIPHERLAYER_BUDGET_PER_MODEL_DAY)`;
