/**
 * Signed releases of a model, and the chunks of their tensors.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import {
  decodeManifest,
  decodePackage,
} from "../../models/package/package_bytes.ts";
import type { Manifest, ModelPackage } from "../../models/package/format.ts";
import {
  chunkSizes,
  decodeRelease,
  isReleaseName,
  placeChunk,
  type Release,
  type ReleaseFile,
  releaseId,
} from "../../models/package/release.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { ObjectStore } from "../stores/object_store.ts";
import {
  decodeState,
  emptyState,
  encodeState,
  type ModelState,
  type ReleaseState,
} from "./model_state.ts";
import type { OwnerKeys } from "./owner_keys.ts";

/** Chunks read at a time. */
const readsAtOnce = 4;
/** Others that change a model's state at the same moment, at most. */
const maxAttempts = 40;

/** Where a release of a model is kept. */
export type Place = Pick<ReleaseState, "id" | "place">;

/** A release as its owner signed it. */
export interface SignedRelease {
  release: Release;
  id: string;
  /** The owner's public key. */
  keyId: string;
}

/**
 * Releases in an object store, whatever it is:
 *
 * - `models/<name>`: the model's state, the only object whose content changes;
 * - `releases/<name>/<place>/signed`: a release, signed;
 * - `releases/<name>/<place>/<digest>`: a chunk of it.
 *
 * The store is not trusted with the models: signatures and digests are checked
 * whenever something is read.
 */
export class Releases {
  readonly #store: ObjectStore;
  readonly #keys: OwnerKeys;

  constructor(store: ObjectStore, keys: OwnerKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** Names of models that have a state. */
  async names(): Promise<string[]> {
    const keys = [...(await this.#store.list("models/")).keys()];
    return keys.map((key) => key.slice("models/".length)).sort();
  }

  /** The state of a model as it is now; empty where it is not known. */
  async state(name: string): Promise<ModelState> {
    if (!isReleaseName(name)) return emptyState;
    const object = await this.#store.get(stateKey(name));
    return object ? decodeState(object.bytes) : emptyState;
  }

  /**
   * Changes a model's state; where others do too, each change is made on what the one
   * before it left.
   *
   * @param change throws where the state does not permit it
   */
  async update(
    name: string,
    change: (state: ModelState) => ModelState,
  ): Promise<ModelState> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const object = await this.#store.get(stateKey(name));
      const before = object ? decodeState(object.bytes) : emptyState;
      const after = change(before);
      if (after === before) return before;
      const bytes = encodeState(after);
      if (await this.#store.put(stateKey(name), bytes, object?.tag ?? null)) {
        return after;
      }
    }
    throw new CipherlayerError(
      "server-fault",
      `Cannot change model ${name}: others keep changing it`,
      { retryable: true },
    );
  }

  /** @throws {CipherlayerError} `malformed`, `signature-rejected`, `body-too-large` */
  async verify(signed: string): Promise<SignedRelease> {
    const { payload, keyId } = await this.#keys.verify(signed);
    return { release: decodeRelease(payload), id: releaseId(payload), keyId };
  }

  async putSigned(name: string, at: Place, signed: string): Promise<void> {
    const bytes = new TextEncoder().encode(signed);
    await this.#store.put(signedKey(name, at), bytes);
  }

  /**
   * A release, its signature checked just now.
   *
   * @throws {CipherlayerError} `signature-rejected`, also where its owner's key is no
   * longer known; `malformed` where the store holds something else
   */
  async signed(name: string, at: Place): Promise<SignedRelease> {
    const object = await this.#store.get(signedKey(name, at));
    if (!object) refuse(`release ${at.id} of model ${name} is missing`);
    const found = await this.verify(new TextDecoder().decode(object.bytes));
    if (found.id !== at.id || found.release.name !== name) {
      refuse(`release ${at.id} of model ${name} is another`);
    }
    return found;
  }

  async putChunk(
    name: string,
    at: Place,
    digest: string,
    bytes: Uint8Array,
  ): Promise<void> {
    await this.#store.put(keyOf(name, at, digest), bytes);
  }

  async removeChunk(name: string, at: Place, digest: string): Promise<void> {
    await this.#store.delete(keyOf(name, at, digest));
  }

  /** Digests of the chunks that are not there, in the order of the release. */
  async missingChunks(release: Release, at: Place): Promise<string[]> {
    const prefix = keyOf(release.name, at, "");
    const present = await this.#store.list(prefix);
    return Array.from(chunkSizes(release))
      .filter(([digest, bytes]) => present.get(prefix + digest) !== bytes)
      .map(([digest]) => digest);
  }

  /**
   * The package, checked throughout: each chunk, then all that `decodePackage` proves.
   *
   * @throws {CipherlayerError} `upload-incomplete` with a chunk that is missing,
   * `checksum-mismatch` with one that is altered, `malformed` for a package that is
   * not sound or not the one that the release names
   */
  async package(release: Release, at: Place): Promise<ModelPackage> {
    const files = new Map<string, Uint8Array>();
    for (const file of release.files) {
      files.set(file.name, await this.#file(release.name, at, file));
    }
    const model = decodePackage(files);
    const { name, version } = model.manifest;
    if (name !== release.name || version !== release.version) {
      refuse(
        `expected package ${release.name} ${release.version}, got ${name} ${version}`,
      );
    }
    return model;
  }

  /** The manifest alone, of a release that was checked when it was stored. */
  async manifest(release: Release, at: Place): Promise<Manifest> {
    const file = release.files.find(({ name }) => name === "manifest.json");
    if (!file) refuse('expected a file "manifest.json"');
    return decodeManifest(await this.#file(release.name, at, file));
  }

  /** Removes all that is kept of a release but its entry in the model's state. */
  async remove(name: string, at: Place): Promise<void> {
    const keys = (await this.#store.list(keyOf(name, at, ""))).keys();
    for (const key of keys) await this.#store.delete(key);
  }

  async #file(
    name: string,
    at: Place,
    file: ReleaseFile,
  ): Promise<Uint8Array> {
    const digests = [...new Set(file.chunks)];
    // Chunks are kept in their places alone: memory is what the release says.
    const content = new Uint8Array(file.bytes);
    for (let from = 0; from < digests.length; from += readsAtOnce) {
      await Promise.all(
        digests.slice(from, from + readsAtOnce).map(async (digest) => {
          const object = await this.#store.get(keyOf(name, at, digest));
          if (!object) throw new ChunkFault("upload-incomplete", digest);
          if (encodeHex(sha256(object.bytes)) !== digest) {
            throw new ChunkFault("checksum-mismatch", digest);
          }
          placeChunk(file, digest, object.bytes, content);
        }),
      );
    }
    return content;
  }
}

/** A chunk that the store does not have, or not as it was sent. */
export class ChunkFault extends CipherlayerError {
  constructor(
    code: "upload-incomplete" | "checksum-mismatch",
    readonly digest: string,
  ) {
    const what = code === "upload-incomplete" ? "missing" : "altered";
    super(code, `Cannot read release: chunk ${digest} is ${what}`);
  }
}

function stateKey(name: string): string {
  if (!isReleaseName(name)) {
    throw new CipherlayerError(
      "malformed",
      `Cannot use model name ${JSON.stringify(name.slice(0, 80))}: expected ` +
        "at most 100 letters, digits, _, . and -",
    );
  }
  return `models/${name}`;
}

function signedKey(name: string, at: Place): string {
  return keyOf(name, at, "signed");
}

function keyOf(name: string, { place }: Place, what: string): string {
  return `releases/${name}/${place}/${what}`;
}

function refuse(why: string): never {
  throw new CipherlayerError("malformed", `Cannot read release: ${why}`);
}
