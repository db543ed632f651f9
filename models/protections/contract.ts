/**
 * The contract of a compiled model: what every gateway of it may rely on.
 *
 * @module
 */
import type { Contract } from "../../sdk/wire/contract.ts";
import type { ModelPackage, RoundSpec } from "../package/format.ts";
import { guardModel } from "./guard_model.ts";
import { protectionsOf } from "./profile.ts";

/**
 * The contract that every plan of the model keeps. Decoys and label rounds belong to
 * it; their number and shape follow from the profile alone, so any secret serves.
 *
 * @throws {Error} as `guardModel` does
 */
export function contractOfModel(model: ModelPackage): Contract {
  const { manifest } = model.manifest.privacy === "sealed" ? model : guardModel(
    model,
    protectionsOf(model.manifest),
    (length) => new Uint8Array(length),
  ).model;
  return {
    input: manifest.input,
    rounds: manifest.rounds.map((round) => ({
      kind: round.terms[0].kind === "dense" ? "dense" : "spatial",
      inputs: round.terms.map((term) => ({
        tensor: term.reads,
        shape: term.kind === "dense" ? [term.length] : [...term.inputShape],
      })),
      output: outputShape(round),
      steps: round.steps,
      writes: round.writes,
    })),
    output: { ...manifest.output, reveal: manifest.reveal },
  };
}

function outputShape({ terms, outputShape }: RoundSpec): number[] {
  return terms[0].kind === "dense"
    ? [outputShape.reduce((product, length) => product * length, 1)]
    : [...outputShape];
}
