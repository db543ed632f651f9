/**
 * Models that a host brings along in its bundle.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import {
  decodePackage,
  type PackageFiles,
} from "../../models/package/package_bytes.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import {
  modelInfo,
  modelNotFound,
  type ModelStore,
} from "../models/model_store.ts";

/** Packages that a host brings along; each is checked at its first use. */
export class EmbeddedModels implements ModelStore {
  readonly #files: ReadonlyMap<string, PackageFiles>;
  readonly #models = new Map<string, ModelPackage>();

  /** @param files of the packages, by their models' names */
  constructor(files: ReadonlyMap<string, PackageFiles>) {
    this.#files = files;
  }

  list(): Promise<ModelInfo[]> {
    const models = [...this.#files.keys()].flatMap((name) => {
      try {
        return [modelInfo(this.#model(name))];
      } catch {
        // An unsound package is not listed; asking for it gives the reason.
        return [];
      }
    });
    return Promise.resolve(models);
  }

  // deno-lint-ignore require-await -- what #model throws is a rejection
  async load(name: string): Promise<ModelPackage> {
    return this.#model(name);
  }

  #model(name: string): ModelPackage {
    const known = this.#models.get(name);
    if (known) return known;
    const files = this.#files.get(name);
    if (!files) throw modelNotFound(name);
    const model = decodePackage(files);
    if (model.manifest.name !== name) throw modelNotFound(name);
    this.#models.set(name, model);
    return model;
  }
}
