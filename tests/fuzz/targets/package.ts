/** Model packages: safetensors, the manifest, and what they say of each other. */
import { deepStrictEqual } from "node:assert/strict";
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import fc from "fast-check";
import {
  decodePackage,
  encodePackage,
} from "../../../models/package/package_bytes.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { planInference } from "../../../models/planner/plan.ts";
import {
  decodeSafetensors,
  encodeSafetensors,
} from "../../../models/package/safetensors.ts";
import { concat } from "../../../sdk/support/bytes.ts";
import { damagedBytes } from "../bytes.ts";
import { readCorpus } from "../corpus.ts";
import {
  coded,
  type Declared,
  type FuzzTarget,
  hidesCrash,
  taken,
} from "../target.ts";
import { damagedTrees, type Tree } from "../trees.ts";

/** `malformed`, and not because something crashed within. */
const malformed: Declared = (error) =>
  coded("malformed")(error) && !hidesCrash(syntaxAside(error));

/** Text that is no JSON or no UTF-8 is found by the engine's own errors. */
function syntaxAside(error: Error): Error {
  return /in JSON$/.test(error.message) ? new Error(error.message) : error;
}

const parse = (bytes: Uint8Array) =>
  JSON.parse(new TextDecoder().decode(bytes));
const text = (tree: Tree) => new TextEncoder().encode(JSON.stringify(tree));

export function safetensors(): FuzzTarget<Uint8Array> {
  const samples = readCorpus("weights.safetensors");
  const parts = samples.map(split);
  const headers = damagedTrees(parts.map(({ header }) => parse(header)));
  return {
    inputs: fc.oneof(
      damagedBytes(samples),
      fc.tuple(headers, fc.nat(parts.length - 1), fc.nat(3)).map(
        ([header, i, cut]) => {
          const { data } = parts[i];
          return join(text(header), data.subarray(0, data.length - cut));
        },
      ),
    ),
    check(file) {
      const tensors = taken(malformed, () => decodeSafetensors(file));
      if (tensors === null) return;
      const again = decodeSafetensors(encodeSafetensors(tensors));
      deepStrictEqual(again, tensors);
    },
    quickCases: 1000,
  };
}

function split(file: Uint8Array) {
  const length = Number(new DataView(file.buffer).getBigUint64(0, true));
  return {
    header: file.subarray(8, 8 + length),
    data: file.subarray(8 + length),
  };
}

function join(header: Uint8Array, data: Uint8Array): Uint8Array {
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(header.length), true);
  return concat(length, header, data);
}

interface Files {
  manifest: Uint8Array;
  weights: Uint8Array;
}

/** Manifests with the right checksum, so that what they say is looked at. */
function packages(): fc.Arbitrary<Files> {
  const manifests = readCorpus("manifest.json");
  const weights = readCorpus("weights.safetensors");
  const signedFiles = fc.nat(manifests.length - 1).chain((i) =>
    fc.record({
      manifest: damagedTrees([parse(manifests[i])]),
      weights: fc.oneof(
        { weight: 4, arbitrary: fc.constant(weights[i]) },
        damagedBytes([weights[i]]),
      ),
    })
  ).map(({ manifest, weights }) => ({
    manifest: text(signed(manifest, weights)),
    weights,
  }));
  const damaged = fc.record({
    manifest: damagedBytes(manifests),
    weights: fc.constant(weights[0]),
  });
  return fc.oneof({ weight: 5, arbitrary: signedFiles }, damaged);
}

function read({ manifest, weights }: Files): ModelPackage | null {
  const files = new Map([
    ["manifest.json", manifest],
    ["weights.safetensors", weights],
  ]);
  return taken(malformed, () => decodePackage(files));
}

export function modelPackage(): FuzzTarget<Files> {
  return {
    inputs: packages(),
    check(files) {
      const model = read(files);
      if (model === null) return;
      const again = decodePackage(encodePackage(model));
      deepStrictEqual(again.tensors, model.tensors);
      deepStrictEqual(
        { ...again.manifest, files: {} },
        { ...model.manifest, files: {} },
      );
    },
    quickCases: 1000,
  };
}

/** A package that passes its check can be planned for a key, or is refused by name. */
export function planning(): FuzzTarget<Files> {
  const refused: Declared = (error) =>
    error.constructor === Error && /^Cannot (plan|pack)/.test(error.message);
  return {
    inputs: packages(),
    check(files) {
      const model = read(files);
      if (model === null) return;
      const { manifest, tensors } = model;
      const options = { modulusBits: 2048, samples: 1, tensors };
      taken(refused, () => planInference(manifest, options));
    },
    quickCases: 20,
  };
}

/** With the checksum of the weights, where there is still a place for one. */
function signed(manifest: Tree, weights: Uint8Array): Tree {
  if (typeof manifest !== "object" || manifest === null) return manifest;
  if (Array.isArray(manifest) || manifest instanceof Uint8Array) {
    return manifest;
  }
  const { files } = manifest;
  if (
    typeof files !== "object" || files === null ||
    !("weights.safetensors" in files)
  ) {
    return manifest;
  }
  const checksum = encodeHex(sha256(weights));
  return { ...manifest, files: { ...files, "weights.safetensors": checksum } };
}
