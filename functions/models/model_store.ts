import { readPackage } from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { manifestContract } from "../../models/protections/contract.ts";
import { isReleaseName } from "../../models/package/release.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { ModelInfo, ModelValues } from "../../sdk/wire/messages.ts";
import type { ValuesSpec } from "../../sdk/wire/values.ts";
import { ModelCache } from "./model_cache.ts";

/** Where the functions find their models. */
export interface ModelStore {
  list(): Promise<ModelInfo[]>;
  /**
   * The same object for as long as the model is the same and in use.
   *
   * @param version of the model that is wanted; default: the active one. A store of
   * one version of each model may give that: who asks looks at what it got.
   * @throws {CipherlayerError} `model-not-found`; `model-changed` if the version
   * is not stored
   */
  load(name: string, version?: string): Promise<ModelPackage>;
}

/** What clients are told of a model. */
export function modelInfo(
  { manifest }: Pick<ModelPackage, "manifest">,
): ModelInfo {
  return {
    name: manifest.name,
    version: manifest.version,
    inputs: manifest.inputs.map(valuesInfo),
    outputs: manifest.outputs.map(valuesInfo),
    contract: manifestContract(manifest),
  };
}

function valuesInfo({ name, shape, labels, units }: ValuesSpec): ModelValues {
  return { name, shape, labels, units };
}

/** What a session meets whose version of the model is gone. */
export function modelChanged(name: string, version: string): CipherlayerError {
  return new CipherlayerError(
    "model-changed",
    `Cannot go on: version ${version} of model ${name} is no longer stored; start a new session`,
  );
}

export function modelNotFound(name: string): CipherlayerError {
  return new CipherlayerError(
    "model-not-found",
    `Cannot find model ${JSON.stringify(name.slice(0, 80))}`,
  );
}

/**
 * Packages in `<folder>/<name>` or `<folder>/<name>/package`, of models of that
 * name, read when first asked for and again when their manifest changes.
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
      for await (const { name } of Deno.readDir(this.#folder)) {
        if (await this.#manifest(name)) return true;
      }
    } catch {
      // As good as empty.
    }
    return false;
  }

  async list(): Promise<ModelInfo[]> {
    const names: string[] = [];
    for await (const entry of Deno.readDir(this.#folder)) {
      if (await this.#manifest(entry.name)) names.push(entry.name);
    }
    const models = await Promise.allSettled(
      names.sort().map((name) => this.load(name)),
    );
    // A package that is not sound is not offered; who asks for it is told.
    return models.flatMap((model) =>
      model.status === "fulfilled" ? [modelInfo(model.value)] : []
    );
  }

  async load(name: string, version?: string): Promise<ModelPackage> {
    const model = await this.#load(name);
    if (version !== undefined && model.manifest.version !== version) {
      throw modelChanged(name, version);
    }
    return model;
  }

  async #load(name: string): Promise<ModelPackage> {
    const manifest = await this.#manifest(name);
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
    const folder = await Deno.stat(this.#folder).catch(() => null);
    // Looked for again: the folder may have come back just now.
    if (folder && !await this.#manifest(name)) return modelNotFound(name);
    return new CipherlayerError(
      "server-fault",
      "Cannot load model: the folder of models cannot be read",
      { retryable: true },
    );
  }

  /** Where the model's package lies and when it changed; undefined if there is none. */
  async #manifest(name: string) {
    // Names come from requests: they must not lead out of the folder.
    if (!isReleaseName(name)) return undefined;
    for (
      const folder of [
        `${this.#folder}/${name}`,
        `${this.#folder}/${name}/package`,
      ]
    ) {
      const file = await Deno.stat(`${folder}/manifest.json`).catch(() => null);
      if (file) return { folder, changedMs: file.mtime?.getTime() ?? 0 };
    }
    return undefined;
  }
}
