/**
 * Model packages as bytes.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { withStepVersions } from "../../sdk/wire/parts.ts";
import { Mismatch } from "../../sdk/wire/schema.ts";
import { manifestCheck } from "./schema.ts";
import type { Manifest, ModelPackage } from "./format.ts";
import { decodeSafetensors, encodeSafetensors } from "./safetensors.ts";
import { verifyPackage } from "./verify.ts";

/** Files of a package by name. */
export type PackageFiles = ReadonlyMap<string, Uint8Array>;

export const manifestFile = "manifest.json";
const weightsFile = "weights.safetensors";
const maxManifestBytes = 2 ** 24;

/**
 * The package's files. The manifest's `files` are computed anew; the same model
 * gives the same bytes.
 *
 * @throws {Error} if a field of the manifest has another form than the format's
 */
export function encodePackage(model: ModelPackage): Map<string, Uint8Array> {
  const weights = encodeSafetensors(model.tensors);
  // The check also puts fields into one order.
  const manifest = manifestCheck({
    ...model.manifest,
    rounds: withStepVersions(model.manifest.rounds),
    files: { [weightsFile]: encodeHex(sha256(weights)) },
  }, "manifest");
  const json = JSON.stringify(
    { ...manifest, rounds: withStepVersions(manifest.rounds) },
    null,
    1,
  ) + "\n";
  return new Map([
    [manifestFile, new TextEncoder().encode(json)],
    [weightsFile, weights],
  ]);
}

/**
 * The model from its package's files, checked throughout: formats, checksums,
 * shapes, ranges, bounds.
 *
 * @throws {CipherlayerError} "malformed" saying what is wrong with which file
 */
export function decodePackage(files: PackageFiles): ModelPackage {
  const manifest = decodeManifest(fileNamed(files, manifestFile));
  for (const [name, checksum] of Object.entries(manifest.files)) {
    const actual = encodeHex(sha256(fileNamed(files, name)));
    if (actual !== checksum) {
      refuse(`expected "${name}" with SHA-256 ${checksum}, got ${actual}`);
    }
  }
  if (!Object.hasOwn(manifest.files, weightsFile)) {
    refuse(`expected a checksum of "${weightsFile}" in the manifest, got none`);
  }
  const tensors = decodeSafetensors(fileNamed(files, weightsFile));
  const model = { manifest, tensors };
  try {
    verifyPackage(model);
  } catch (error) {
    refuse((error as Error).message, error);
  }
  return model;
}

/** @throws {CipherlayerError} "malformed" */
export function decodeManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > maxManifestBytes) {
    refuse(
      `expected ${manifestFile} of at most ${maxManifestBytes} bytes, got ${bytes.length}`,
    );
  }
  try {
    const text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    return manifestCheck(JSON.parse(text), "manifest");
  } catch (error) {
    if (error instanceof Mismatch) refuse(error.message);
    refuse(`expected ${manifestFile} in JSON`, error);
  }
}

function fileNamed(files: PackageFiles, name: string): Uint8Array {
  return files.get(name) ?? refuse(`file "${name}" is missing`);
}

/** @throws {CipherlayerError} "malformed" */
export function refuse(reason: string, cause?: unknown): never {
  throw new CipherlayerError("malformed", `Cannot read package: ${reason}`, {
    cause,
  });
}
