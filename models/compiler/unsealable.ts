/**
 * What stands in the way of sealing a compiled model.
 *
 * @module
 */
import { stepStages } from "../../sdk/garbling/rounds/steps.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { GatewayStep } from "../../sdk/wire/plan.ts";
import type { Manifest, RoundSpec } from "../package/format.ts";
import {
  type OffendingNode,
  UnsupportedModelError,
} from "./lower/unsupported.ts";

/**
 * @throws {RangeError} if the model reveals scores
 * @throws {UnsupportedModelError} with every round that has a step without a circuit, by its node
 */
export function checkSealable(
  { name, rounds, reveal }: Pick<Manifest, "name" | "rounds" | "reveal">,
): void {
  if (reveal !== "label") {
    throw new RangeError(
      `Cannot seal model ${name}: expected one that reveals its label, got scores, from which a client computes the last layer`,
    );
  }
  const nodes = rounds.flatMap(unsealableNode);
  if (nodes.length > 0) throw new UnsupportedModelError(nodes);
}

function unsealableNode(
  { name, steps, outputShape, bound }: RoundSpec,
): OffendingNode[] {
  const start = { shape: outputShape, samples: 1, low: -bound, high: bound };
  for (const [i, step] of steps.entries()) {
    try {
      stepStages(steps.slice(0, i + 1), start);
    } catch (error) {
      if (!(error instanceof CipherlayerError)) throw error;
      const why = `no garbled circuit (${error.message})`;
      const instead = "use another activation, or a profile that is not sealed";
      return [{ name, operator: nameOf(step), why, instead }];
    }
  }
  return [];
}

const nameOf = (step: GatewayStep): string =>
  step.op === "custom" ? step.name : step.op;
