/**
 * Uploads, activations and rollbacks of models by their owners.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { encodeHex } from "@std/encoding/hex";
import {
  chunkSizes,
  maxSignedReleaseBytes,
  type Release,
  releaseSize,
} from "../../models/package/release.ts";
import type {
  ModelStatus,
  UploadStatus,
} from "../../models/package/version_status.ts";
import { checkServed } from "../../models/planner/check_served.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { runPaced } from "../rounds/privacy/paced.ts";
import { platformRandom, type RandomSource } from "../../sdk/support/random.ts";
import { LruMap } from "./lru.ts";
import { modelNotFound } from "./model_store.ts";
import type { ObjectStore } from "../stores/object_store.ts";
import { DeployedModels } from "./deployed_models.ts";
import {
  activate,
  activeRelease,
  beginRemoval,
  beginUpload,
  continueUpload,
  defaultDeploymentLimits,
  type DeploymentLimits,
  forgetRelease,
  type ModelState,
  presentRelease,
  type ReleaseState,
  rollBack,
  storedRelease,
  storeRelease,
  sweepUploads,
  withdraw,
} from "./model_state.ts";
import type { OwnerKeys } from "./owner_keys.ts";
import { ChunkFault, Releases, type SignedRelease } from "./releases.ts";

export interface DeploymentOptions {
  store: ObjectStore;
  ownerKeys: OwnerKeys;
  /** Milliseconds since 1970; default: the machine's clock. */
  clock?: () => number;
  random?: RandomSource;
  limits?: Partial<DeploymentLimits>;
}

const placeBytes = 12;
/** Releases remembered between the chunks of an upload. */
const maxReleases = 64;

/**
 * What owners do with models: upload versions, activate, roll back, delete. Any number
 * of instances and owners may do so at once.
 */
export class Deployments {
  /** Receives each model whose state was to change, for threads with their own view. */
  onChange: (model: string) => void = () => {};
  /** The models as the data plane sees them. */
  readonly models: DeployedModels;
  readonly #releases: Releases;
  readonly #clock: () => number;
  readonly #random: RandomSource;
  readonly #limits: DeploymentLimits;
  readonly #signed = new LruMap<string, Promise<SignedRelease>>(maxReleases);
  /** Ends with the last package that is to be proved. */
  #proofs: Promise<unknown> = Promise.resolve();

  constructor(options: DeploymentOptions) {
    this.#clock = options.clock ?? Date.now;
    this.#random = options.random ?? platformRandom;
    this.#limits = { ...defaultDeploymentLimits, ...options.limits };
    this.#releases = new Releases(options.store, options.ownerKeys);
    this.models = new DeployedModels(this.#releases, this.#clock);
  }

  /** All models of which `maySee` says yes; abandoned uploads of theirs are removed. */
  async list(maySee: (name: string) => boolean): Promise<ModelStatus[]> {
    const names = (await this.#releases.names()).filter(maySee);
    const all: ModelStatus[] = [];
    for (const name of names) {
      const state = await this.#clear(name);
      if (state.releases.length > 0) all.push(statusOf(name, state));
    }
    return all;
  }

  /** @throws {CipherlayerError} `model-not-found` */
  async status(name: string): Promise<ModelStatus> {
    const state = await this.#releases.state(name);
    if (state.releases.length === 0) throw modelNotFound(name);
    return statusOf(name, state);
  }

  /**
   * Begins an upload, or tells how far it is. Nothing is served before `commit`.
   *
   * @param signed the release, signed by an owner (`OwnerKeys.verify`)
   * @throws {CipherlayerError} `malformed`, `signature-rejected`, `body-too-large`,
   * `version-conflict`
   */
  async begin(name: string, signed: string): Promise<UploadStatus> {
    const { release, id } = await this.#verify(name, signed);
    await this.#clear(name);
    const bytes = releaseSize(release);
    const { version } = release;
    const place = encodeHex(this.#random(placeBytes));
    const state = await this.#releases.update(
      name,
      (state) =>
        beginUpload(
          state,
          { id, place, version, bytes },
          this.#limits,
          this.#clock(),
        ),
    );
    const upload = presentRelease(state, id)!;
    // Also of a stored release: its owner may have a new key.
    await this.#releases.putSigned(name, upload, signed);
    const isStored = upload.stage === "stored";
    return {
      id,
      name,
      version,
      bytes,
      stored: isStored,
      missing: isStored
        ? []
        : await this.#releases.missingChunks(release, upload),
      expiresAt: isStored
        ? null
        : upload.sinceMs + this.#limits.uploadLifetimeMs,
    };
  }

  /**
   * Takes a chunk of an upload.
   *
   * @throws {CipherlayerError} `version-not-found` if there is no such upload,
   * `checksum-mismatch` if the chunk is none of it
   */
  async putChunk(
    name: string,
    id: string,
    digest: string,
    bytes: Uint8Array,
  ): Promise<void> {
    const upload = await this.#upload(name, id);
    const { release } = await this.#release(name, upload);
    const expected = chunkSizes(release).get(digest);
    if (expected === undefined) {
      mismatch(`the release has no chunk ${digest.slice(0, 64)}`);
    }
    if (bytes.length !== expected) {
      mismatch(`expected ${expected} bytes, got ${bytes.length}`);
    }
    const actual = encodeHex(sha256(bytes));
    if (actual !== digest) {
      mismatch(`expected SHA-256 ${digest}, got ${actual}`);
    }
    await this.#releases.putChunk(name, upload, digest, bytes);
  }

  /**
   * Ends an upload: reads all of it back, proves the package sound and looks at it as
   * gateways will; then, and only then, it is one of the model's versions. Again: the same answer.
   *
   * @throws {CipherlayerError} `version-not-found`; `upload-incomplete`,
   * `checksum-mismatch` if chunks are to be sent again; `malformed` if the package is
   * not sound, or gateways would refuse it; `version-conflict`
   */
  async commit(name: string, id: string): Promise<ModelStatus> {
    // From here on nobody takes it for abandoned.
    const state = await this.#releases.update(
      name,
      (state) => continueUpload(state, id, this.#clock()),
    );
    const upload = presentRelease(state, id)!;
    if (upload.stage === "stored") return statusOf(name, state);
    const { release } = await this.#releases.signed(name, upload);
    const missing = await this.#releases.missingChunks(release, upload);
    if (missing.length > 0) {
      throw new CipherlayerError(
        "upload-incomplete",
        `Cannot store version ${release.version}: ${missing.length} of ${
          chunkSizes(release).size
        } chunks are missing`,
      );
    }
    try {
      await this.#prove(release, upload);
    } catch (error) {
      // What the store does not give back as it was sent is sent again.
      if (error instanceof ChunkFault) {
        await this.#releases.removeChunk(name, upload, error.digest);
      }
      throw error;
    }
    return await this.#change(
      name,
      (state, nowMs) => storeRelease(state, id, nowMs),
    );
  }

  /**
   * Gives new sessions this version; read back once more before it is.
   *
   * @throws {CipherlayerError} `version-not-found`; `signature-rejected` if its owner's
   * key is no longer known; as `commit` if the store does not give it back whole
   */
  async activate(name: string, version: string): Promise<ModelStatus> {
    const release = storedRelease(await this.#releases.state(name), version);
    if (release) await this.#proveStored(name, release);
    return await this.#change(
      name,
      (state, nowMs) => activate(state, version, nowMs),
    );
  }

  /**
   * Gives new sessions the version that was active before.
   *
   * @param to the version that this is, so that asking twice goes back once
   * @throws {CipherlayerError} `version-conflict` if none was, or it is another than
   * `to`; as `activate`
   */
  async rollBack(name: string, to?: string): Promise<ModelStatus> {
    const back = (state: ModelState, nowMs: number) => {
      if (to !== undefined && activeRelease(state)?.version === to) {
        return state;
      }
      const after = rollBack(state, nowMs);
      const { version } = activeRelease(after)!;
      if (to === undefined || to === version) return after;
      throw new CipherlayerError(
        "version-conflict",
        `Cannot roll back to version ${to}: ${version} was active before`,
      );
    };
    const state = await this.#releases.state(name);
    const previous = activeRelease(back(state, 0))!;
    await this.#proveStored(name, previous);
    to = previous.version;
    return await this.#change(name, back);
  }

  /**
   * Gives new sessions no version at all; those that have begun go on. Asking twice
   * changes nothing more.
   */
  withdraw(name: string): Promise<ModelStatus> {
    return this.#change(name, withdraw);
  }

  /**
   * Removes a version, or gives up its upload; sessions that began with it end with `model-changed`.
   *
   * @throws {CipherlayerError} `version-not-found`; `version-conflict` if it is active
   */
  async remove(name: string, version: string): Promise<ModelStatus> {
    await this.#change(
      name,
      (state, nowMs) => beginRemoval(state, version, nowMs),
    );
    return statusOf(name, await this.#clear(name));
  }

  async #verify(name: string, signed: string): Promise<SignedRelease> {
    if (signed.length > maxSignedReleaseBytes) {
      throw new CipherlayerError(
        "body-too-large",
        `Cannot accept release: expected at most ${maxSignedReleaseBytes} bytes, got ${signed.length}`,
      );
    }
    const found = await this.#releases.verify(signed);
    if (found.release.name !== name) {
      throw new CipherlayerError(
        "malformed",
        `Cannot accept release: expected one of model ${name}, got ${found.release.name}`,
      );
    }
    return found;
  }

  async #change(
    name: string,
    change: (state: ModelState, nowMs: number) => ModelState,
  ): Promise<ModelStatus> {
    try {
      const state = await this.#releases.update(
        name,
        (state) => change(state, this.#clock()),
      );
      return statusOf(name, state);
    } finally {
      this.models.refresh(name);
      this.onChange(name);
    }
  }

  /** Removes abandoned uploads, and what earlier removals have left. */
  async #clear(name: string): Promise<ModelState> {
    let state = await this.#releases.update(
      name,
      (state) => sweepUploads(state, this.#limits, this.#clock()),
    );
    for (const { stage, id, place } of state.releases) {
      if (stage !== "removing") continue;
      await this.#releases.remove(name, { id, place });
      state = await this.#releases.update(
        name,
        (state) => forgetRelease(state, place),
      );
    }
    return state;
  }

  async #proveStored(name: string, at: ReleaseState): Promise<void> {
    const { release } = await this.#releases.signed(name, at);
    await this.#prove(release, at);
  }

  /** Reads a package back and checks it, one at a time: many at once could take all memory. */
  #prove(release: Release, at: ReleaseState): Promise<void> {
    const proved = this.#proofs.then(async () => {
      const model = await this.#releases.package(release, at);
      await checkServed(model, { run: (work) => runPaced(work) });
    });
    this.#proofs = proved.catch(() => {});
    return proved;
  }

  async #upload(name: string, id: string): Promise<ReleaseState> {
    const state = await this.#releases.state(name);
    return presentRelease(continueUpload(state, id, this.#clock()), id)!;
  }

  /** The release of an upload, whose signature was checked when it began. */
  #release(name: string, at: ReleaseState): Promise<SignedRelease> {
    const signed = this.#signed.getOrMake(
      at.place,
      () => this.#releases.signed(name, at),
    );
    signed.catch(() => this.#signed.delete(at.place));
    return signed;
  }
}

function statusOf(name: string, state: ModelState): ModelStatus {
  const active = activeRelease(state);
  const previous = presentRelease(state, state.earlier.at(-1) ?? "");
  const at = (stage: ReleaseState["stage"]) =>
    state.releases.filter((release) => release.stage === stage);
  return {
    name,
    active: active && state.active
      ? { version: active.version, sinceMs: state.active.sinceMs }
      : null,
    previous: previous?.version ?? null,
    versions: at("stored").map(({ version, bytes, sinceMs }) => ({
      version,
      bytes,
      storedMs: sinceMs,
    })),
    uploads: at("uploading").map(({ id, version, bytes, sinceMs }) => ({
      id,
      version,
      bytes,
      sinceMs,
    })),
  };
}

function mismatch(why: string): never {
  throw new CipherlayerError("checksum-mismatch", `Cannot take chunk: ${why}`);
}
