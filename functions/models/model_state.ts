/**
 * What is known of a model's releases: one document, changed as a whole and only
 * where nobody else has changed it since it was read. The changes here are pure;
 * each refuses what would leave the model without the version it serves.
 *
 * @module
 */
import { CipherlayerError } from "../../sdk/support/errors.ts";
import {
  integer,
  list,
  literal,
  Mismatch,
  nullable,
  record,
  text,
} from "../../sdk/wire/schema.ts";

/**
 * `uploading`: chunks may come, nothing is served; `stored`: whole and checked;
 * `removing`: its chunks are being removed, nothing is served.
 */
export type ReleaseStage = "uploading" | "stored" | "removing";

export interface ReleaseState {
  /** SHA-256 of what the owner signed, hexadecimal. */
  id: string;
  /**
   * Where the store keeps it, never used twice: what removes one upload cannot
   * touch a later one of the same content.
   */
  place: string;
  version: string;
  bytes: number;
  stage: ReleaseStage;
  /** Milliseconds since 1970, when the stage began or the upload went on. */
  sinceMs: number;
}

export interface ModelState {
  releases: ReleaseState[];
  active: { id: string; sinceMs: number } | null;
  /** Ids of releases that were active before, the last one at the end. */
  earlier: string[];
}

export interface DeploymentLimits {
  /** Releases of a model, uploads included. */
  releases: number;
  /** Uploads of a model under way. */
  uploads: number;
  /** An upload that has not gone on for this long is removed. */
  uploadLifetimeMs: number;
}

export const defaultDeploymentLimits: DeploymentLimits = {
  releases: 64,
  uploads: 8,
  uploadLifetimeMs: 24 * 60 * 60 * 1000,
};

/** Activations that can be rolled back. */
const maxEarlier = 16;

export const emptyState: ModelState = {
  releases: [],
  active: null,
  earlier: [],
};

const id = text(64);
const time = integer(0, Number.MAX_SAFE_INTEGER);
const stateCheck = record<ModelState>({
  releases: list(
    record({
      id,
      place: text(64),
      version: text(100),
      bytes: integer(0, Number.MAX_SAFE_INTEGER),
      stage: literal<ReleaseStage>("uploading", "stored", "removing"),
      sinceMs: time,
    }),
    1024,
  ),
  active: nullable(record({ id, sinceMs: time })),
  earlier: list(id, 1024),
});

/** @throws {Error} if the bytes are no state */
export function decodeState(bytes: Uint8Array): ModelState {
  try {
    return stateCheck(JSON.parse(new TextDecoder().decode(bytes)), "state");
  } catch (cause) {
    const why = cause instanceof Mismatch ? cause.message : "expected JSON";
    throw new Error(`Cannot read a model's state: ${why}`, { cause });
  }
}

export function encodeState(state: ModelState): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(JSON.stringify(state));
}

/** The stored release of a version; undefined if there is none. */
export function storedRelease(
  { releases }: ModelState,
  version: string,
): ReleaseState | undefined {
  return releases.find((release) =>
    release.stage === "stored" && release.version === version
  );
}

/** The release that new sessions get; undefined if there is none. */
export function activeRelease(
  state: ModelState,
): ReleaseState | undefined {
  return state.active ? presentRelease(state, state.active.id) : undefined;
}

/** The upload or stored release of an id; undefined if there is none. */
export function presentRelease(
  { releases }: ModelState,
  id: string,
): ReleaseState | undefined {
  return releases.find((release) =>
    release.id === id && release.stage !== "removing"
  );
}

/** An upload begins, or goes on; stored releases stay what they are. */
export function beginUpload(
  state: ModelState,
  upload: Omit<ReleaseState, "stage" | "sinceMs">,
  limits: DeploymentLimits,
  nowMs: number,
): ModelState {
  const known = presentRelease(state, upload.id);
  if (known?.stage === "stored") return state;
  refuseTaken(state, upload);
  if (known) return withRelease(state, { ...known, sinceMs: nowMs });
  const { releases } = state;
  const uploads = releases.filter(({ stage }) => stage === "uploading").length;
  if (uploads >= limits.uploads) {
    conflict(`expected at most ${limits.uploads} uploads under way`, true);
  }
  if (releases.length >= limits.releases) {
    conflict(`expected at most ${limits.releases} versions: delete some`);
  }
  return withRelease(state, { ...upload, stage: "uploading", sinceMs: nowMs });
}

/** The end of an upload has come: it is not abandoned. Stored releases stay as they are. */
export function continueUpload(
  state: ModelState,
  id: string,
  nowMs: number,
): ModelState {
  const upload = presentRelease(state, id);
  if (upload?.stage === "stored") return state;
  if (!upload) {
    throw new CipherlayerError(
      "version-not-found",
      `Cannot go on with upload ${id.slice(0, 64)}: there is none; begin it`,
    );
  }
  return withRelease(state, { ...upload, sinceMs: nowMs });
}

/** The upload is whole and checked. */
export function storeRelease(
  state: ModelState,
  id: string,
  nowMs: number,
): ModelState {
  const upload = presentRelease(continueUpload(state, id, nowMs), id)!;
  if (upload.stage === "stored") return state;
  refuseTaken(state, upload);
  return withRelease(state, { ...upload, stage: "stored" });
}

/** New sessions get this version from now on. */
export function activate(
  state: ModelState,
  version: string,
  nowMs: number,
): ModelState {
  const { id } = findRelease(state, version);
  if (state.active?.id === id) return state;
  const earlier = state.earlier.filter((other) => other !== id);
  if (state.active) earlier.push(state.active.id);
  return {
    ...state,
    active: { id, sinceMs: nowMs },
    earlier: earlier.slice(-maxEarlier),
  };
}

/** New sessions get the version that was active before. */
export function rollBack(state: ModelState, nowMs: number): ModelState {
  const earlier = state.earlier.slice();
  const id = earlier.pop();
  if (!id) conflict("no version was active before");
  return { ...state, active: { id, sinceMs: nowMs }, earlier };
}

/** New sessions get none from now on; `rollBack` gives them this one again. */
export function withdraw(state: ModelState): ModelState {
  if (!state.active) return state;
  const earlier = [...state.earlier, state.active.id];
  return { ...state, active: null, earlier: earlier.slice(-maxEarlier) };
}

/**
 * The version, or the upload of one that is not stored, is removed; its chunks go
 * next, then `forgotten` ends it.
 */
export function beginRemoval(
  state: ModelState,
  version: string,
  nowMs: number,
): ModelState {
  const upload = state.releases.find((release) =>
    release.stage === "uploading" && release.version === version
  );
  const release = storedRelease(state, version) ?? upload ?? notFound(version);
  if (state.active?.id === release.id) {
    conflict(
      `version ${version} is active: activate another, or withdraw the model, first`,
    );
  }
  return {
    ...withRelease(state, { ...release, stage: "removing", sinceMs: nowMs }),
    earlier: state.earlier.filter((id) => id !== release.id),
  };
}

/** Uploads that were abandoned are removed. */
export function sweepUploads(
  state: ModelState,
  { uploadLifetimeMs }: DeploymentLimits,
  nowMs: number,
): ModelState {
  const isAbandoned = ({ stage, sinceMs }: ReleaseState) =>
    stage === "uploading" && nowMs - sinceMs > uploadLifetimeMs;
  if (!state.releases.some(isAbandoned)) return state;
  return {
    ...state,
    releases: state.releases.map((release) =>
      isAbandoned(release)
        ? { ...release, stage: "removing" as const, sinceMs: nowMs }
        : release
    ),
  };
}

/** Nothing of the removed release is left. */
export function forgetRelease(state: ModelState, place: string): ModelState {
  return {
    ...state,
    releases: state.releases.filter((release) => release.place !== place),
  };
}

function withRelease(state: ModelState, release: ReleaseState): ModelState {
  const { place } = release;
  const others = state.releases.filter((other) => other.place !== place);
  return { ...state, releases: [...others, release] };
}

function findRelease(state: ModelState, version: string): ReleaseState {
  return storedRelease(state, version) ?? notFound(version);
}

function notFound(version: string): never {
  throw new CipherlayerError(
    "version-not-found",
    `Cannot find version ${JSON.stringify(version.slice(0, 100))}`,
  );
}

/** Two packages under one version would make sessions end in two ways. */
function refuseTaken(
  state: ModelState,
  { id, version }: Pick<ReleaseState, "id" | "version">,
): void {
  const taken = storedRelease(state, version);
  if (taken && taken.id !== id) {
    conflict(`version ${version} is there with other content`);
  }
}

function conflict(why: string, retryable = false): never {
  throw new CipherlayerError(
    "version-conflict",
    `Cannot change versions: ${why}`,
    { retryable },
  );
}
