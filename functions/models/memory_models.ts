/**
 * Models that are held in memory.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import { modelInfo, modelNotFound, type ModelStore } from "./model_store.ts";

/** One version of each model, as they were given. */
export class MemoryModelStore implements ModelStore {
  readonly #models: readonly ModelPackage[];

  constructor(...models: ModelPackage[]) {
    this.#models = models;
  }

  list(): Promise<ModelInfo[]> {
    return Promise.resolve(this.#models.map(modelInfo));
  }

  load(name: string): Promise<ModelPackage> {
    const found = this.#models.find(({ manifest }) => manifest.name === name);
    return found ? Promise.resolve(found) : Promise.reject(modelNotFound(name));
  }
}
