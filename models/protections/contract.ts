/**
 * The contract of a compiled model: what every gateway of it may rely on.
 *
 * @module
 */
import { elementCount } from "../../sdk/fixed_point/integer_tensor.ts";
import { type Contract, contractDigest } from "../../sdk/wire/contract.ts";
import { interfaceOf } from "../../sdk/wire/values.ts";
import type { Manifest, RoundSpec, WeightTensor } from "../package/format.ts";
import { weightShape } from "../package/geometry.ts";
import { guardModel } from "./guard_model.ts";
import { protectionsOf } from "./profile.ts";

/**
 * The contract that every plan of the model keeps. Decoys and label rounds belong to
 * it; their number and shape follow from the profile alone, so any weights and any
 * secret serve.
 *
 * @param manifest of a package that has been verified
 */
export function contractOfManifest(manifest: Manifest): Contract {
  const model = { manifest, tensors: zeros(manifest) };
  const guarded = manifest.privacy === "sealed" ? model : guardModel(
    model,
    protectionsOf(manifest),
    (length) => new Uint8Array(length),
  ).model;
  return {
    ...interfaceOf(guarded.manifest),
    rounds: guarded.manifest.rounds.map((round) => ({
      kind: round.terms[0].kind === "dense" ? "dense" : "spatial",
      inputs: round.terms.map((term) => ({
        tensor: term.reads,
        shape: term.kind === "dense" ? [term.length] : [...term.inputShape],
      })),
      output: outputShape(round),
      steps: round.steps,
      writes: round.writes,
    })),
  };
}

const digests = new WeakMap<Manifest, string>();

/** The digest of that contract, computed once for each manifest. */
export function manifestContract(manifest: Manifest): string {
  let digest = digests.get(manifest);
  if (digest === undefined) {
    digest = contractDigest(contractOfManifest(manifest));
    digests.set(manifest, digest);
  }
  return digest;
}

function zeros({ rounds }: Manifest): Map<string, WeightTensor> {
  const tensors = new Map<string, WeightTensor>();
  const add = (name: string, shape: number[]) =>
    tensors.set(name, { shape, data: new Int32Array(elementCount(shape)) });
  for (const { terms, bias, outputShape: [rows] } of rounds) {
    for (const term of terms) add(term.weights, weightShape(term, rows));
    add(bias, [rows]);
  }
  return tensors;
}

function outputShape({ terms, outputShape }: RoundSpec): number[] {
  return terms[0].kind === "dense"
    ? [elementCount(outputShape)]
    : [...outputShape];
}
