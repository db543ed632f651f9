/**
 * Models that owners uploaded, in the version that is active.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import { LruMap } from "./lru.ts";
import { ModelCache } from "./model_cache.ts";
import {
  modelChanged,
  modelInfo,
  modelNotFound,
  type ModelStore,
} from "./model_store.ts";
import {
  activeRelease,
  emptyState,
  type ModelState,
  type ReleaseState,
  storedRelease,
} from "./model_state.ts";
import type { Releases } from "./releases.ts";

/** Names whose state is remembered: more are looked up again each time. */
const maxNames = 1000;
/** For this long a state is taken for the present one: activations show within it. */
const stateLifetimeMs = 1000;
/** A store that takes longer does not hold up calls: they go on with what was known. */
const maxWaitMs = 500;

interface KnownState {
  state: Promise<ModelState>;
  readMs: number;
}

/**
 * The models that owners have uploaded. New sessions get the active version; sessions
 * that have begun get theirs for as long as it is stored. While the store cannot be
 * reached, what is known is served.
 */
export class DeployedModels implements ModelStore {
  readonly #releases: Releases;
  readonly #clock: () => number;
  readonly #states = new LruMap<string, KnownState>(maxNames);
  readonly #packages: ModelCache;
  readonly #infos = new LruMap<string, Promise<ModelInfo>>(maxNames);

  #served = false;

  /** @param clock milliseconds since 1970 */
  constructor(
    releases: Releases,
    clock: () => number,
    packages: ModelCache = new ModelCache(),
  ) {
    this.#releases = releases;
    this.#clock = clock;
    this.#packages = packages;
  }

  async list(): Promise<ModelInfo[]> {
    const names = await this.#releases.names();
    if (names.length === 0 && this.#served) throw storeAway();
    const infos = await Promise.allSettled(
      names.map(async (name) => {
        const active = activeRelease(await this.#state(name));
        return active ? [await this.#info(name, active)] : [];
      }),
    );
    // A model that the store does not give back whole is not offered.
    return infos.flatMap((info) =>
      info.status === "fulfilled" ? info.value : []
    );
  }

  async load(name: string, version?: string): Promise<ModelPackage> {
    const choose = (state: ModelState) =>
      version === undefined
        ? activeRelease(state)
        : storedRelease(state, version);
    let state = await this.#state(name);
    let release = choose(state);
    if (!release) {
      // It may have come since: another thread or instance activated it, or began this
      // session.
      this.refresh(name);
      state = await this.#state(name);
      release = choose(state);
    }
    if (!release) throw absent(name, version, state);
    try {
      const model = await this.#package(name, release);
      this.#served = true;
      return model;
    } catch (cause) {
      if (cause instanceof CipherlayerError && cause.retryable) throw cause;
      // What exactly is wrong is for owners and operators, not for clients.
      throw new CipherlayerError(
        "server-fault",
        `Cannot load version ${release.version} of model ${name}: the store does not give back what an owner signed`,
        { cause },
      );
    }
  }

  #package(name: string, at: ReleaseState): Promise<ModelPackage> {
    return this.#packages.get(at.place, async () => {
      const { release } = await this.#releases.signed(name, at);
      return await this.#releases.package(release, at);
    });
  }

  /** Has the state of a model read anew the next time. */
  refresh(name: string): void {
    this.#states.delete(name);
  }

  #state(name: string): Promise<ModelState> {
    const nowMs = this.#clock();
    const read = () => ({ state: this.#releases.state(name), readMs: nowMs });
    const known = this.#states.getOrMake(name, read);
    if (Math.abs(nowMs - known.readMs) > stateLifetimeMs) {
      known.readMs = nowMs;
      known.state = this.#again(name, known);
    }
    known.state.catch(() => this.#states.delete(name));
    return known.state;
  }

  /** The state read anew, or what was known where that fails or takes long. */
  async #again(name: string, known: KnownState): Promise<ModelState> {
    const before = known.state;
    const fresh = this.#releases.state(name).then(async (state) => {
      // What is known of a model stays, without versions too: a store that knows
      // nothing of it is not the one that was there.
      const hadReleases = (await before).releases.length > 0;
      if (hadReleases && state === emptyState) throw storeAway();
      return state;
    });
    fresh.then(() => known.state = fresh, () => {});
    const late = Promise.withResolvers<ModelState>();
    const timer = setTimeout(() => late.resolve(before), maxWaitMs);
    try {
      return await Promise.race([fresh, late.promise]);
    } catch {
      return await before;
    } finally {
      clearTimeout(timer);
    }
  }

  #info(name: string, at: ReleaseState): Promise<ModelInfo> {
    const info = this.#infos.getOrMake(at.place, async () => {
      const { release } = await this.#releases.signed(name, at);
      const manifest = await this.#releases.manifest(release, at);
      return modelInfo({ manifest });
    });
    info.catch(() => this.#infos.delete(at.place));
    return info;
  }
}

function storeAway(): CipherlayerError {
  return new CipherlayerError(
    "server-fault",
    "Cannot load models: the store that held them is empty",
    { retryable: true },
  );
}

function absent(
  name: string,
  version: string | undefined,
  { releases }: ModelState,
): CipherlayerError {
  if (version === undefined || releases.length === 0) {
    return modelNotFound(name);
  }
  return modelChanged(name, version);
}
