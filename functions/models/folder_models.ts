/**
 * Models in a folder. Runtime: Deno and Node.
 *
 * @module
 */
import { readdir, stat } from "node:fs/promises";
import type { ModelPackage } from "../../models/package/format.ts";
import {
  decodeManifest,
  manifestFile,
} from "../../models/package/package_bytes.ts";
import { readBytes } from "../../models/package/read_file.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { isReleaseName } from "../../models/package/release.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import { ModelCache } from "./model_cache.ts";
import {
  modelChanged,
  modelInfo,
  modelNotFound,
  type ModelStore,
} from "./model_store.ts";

/**
 * Packages in `<folder>/<name>` or `<folder>/<name>/package`, of models of that
 * name, or the one package that the folder itself is, read when first asked for and
 * again when their manifest changes. Sessions that began with another version, here or
 * on another instance, go on with `<folder>/<name>@<version>` where there is one.
 */
export class FolderModelStore implements ModelStore {
  readonly #folder: string;
  readonly #cache = new ModelCache();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Whether there is any package, sound or not. */
  async hasModels(): Promise<boolean> {
    try {
      for (const name of await readdir(this.#folder)) {
        if (name === manifestFile || await this.#manifest(name)) return true;
      }
    } catch {
      // As good as empty.
    }
    return false;
  }

  async list(): Promise<ModelInfo[]> {
    const names: string[] = [];
    for (const name of await readdir(this.#folder)) {
      if (name === manifestFile) names.push(...await this.#ownName());
      else if (await this.#manifest(name)) names.push(name);
    }
    const models = await Promise.allSettled(
      names.sort().map((name) => this.load(name)),
    );
    // An unsound package is not listed; asking for it gives the reason.
    return models.flatMap((model) =>
      model.status === "fulfilled" ? [modelInfo(model.value)] : []
    );
  }

  async load(name: string, version?: string): Promise<ModelPackage> {
    const model = await this.#load(name);
    if (version === undefined || model.manifest.version === version) {
      return model;
    }
    const beside = await this.#load(name, version).catch(() => null);
    if (beside?.manifest.version === version) return beside;
    throw modelChanged(name, version);
  }

  async #load(name: string, version?: string): Promise<ModelPackage> {
    const manifest = await this.#manifest(name, version);
    if (!manifest) throw await this.#missing(name);
    const { folder, changedMs } = manifest;
    return this.#cache.get(`${folder} ${changedMs}`, async () => {
      const model = await readPackage(folder).catch(async (error) => {
        // It went away between two looks; its path is nobody's business.
        const gone = error instanceof CipherlayerError &&
          error.code === "model-not-found";
        throw gone ? await this.#missing(name) : error;
      });
      if (model.manifest.name !== name) throw modelNotFound(name);
      return model;
    });
  }

  /** Why there is no model: the folder itself may be away for a while. */
  async #missing(name: string): Promise<CipherlayerError> {
    const folder = await stat(this.#folder).catch(() => null);
    // Looked for again: the folder may have come back just now.
    if (folder && !await this.#manifest(name)) return modelNotFound(name);
    return new CipherlayerError(
      "server-fault",
      "Cannot load model: the folder of models cannot be read",
      { retryable: true },
    );
  }

  /** The name of the package that the folder itself is, where it can be read. */
  async #ownName(): Promise<string[]> {
    try {
      const bytes = await readBytes(`${this.#folder}/${manifestFile}`);
      return [decodeManifest(bytes).name];
    } catch {
      // As unsound packages are, it is not offered.
      return [];
    }
  }

  /** Where the model's package lies and when it changed; undefined if there is none. */
  async #manifest(name: string, version?: string) {
    // Names come from requests: they must not lead out of the folder.
    if (![name, version ?? "1"].every(isReleaseName)) return undefined;
    const places = version === undefined
      ? [
        `${this.#folder}/${name}`,
        `${this.#folder}/${name}/package`,
        ...(await this.#ownName()).includes(name) ? [this.#folder] : [],
      ]
      : [`${this.#folder}/${name}@${version}`];
    for (const folder of places) {
      const file = await stat(`${folder}/${manifestFile}`).catch(() => null);
      if (file) return { folder, changedMs: file.mtimeMs };
    }
    return undefined;
  }
}
