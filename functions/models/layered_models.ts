/**
 * Several stores of models as one.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { CipherlayerError } from "../../sdk/support/errors.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import { modelNotFound, type ModelStore } from "./model_store.ts";

/**
 * Several stores as one: models of an earlier store hide those of the same name in
 * later ones. Sessions go on with a version wherever it is.
 */
export class LayeredModels implements ModelStore {
  readonly #stores: readonly ModelStore[];

  constructor(...stores: ModelStore[]) {
    this.#stores = stores;
  }

  async list(): Promise<ModelInfo[]> {
    const lists = await Promise.all(this.#stores.map((store) => store.list()));
    const models = new Map<string, ModelInfo>();
    for (const model of lists.flat()) {
      if (!models.has(model.name)) models.set(model.name, model);
    }
    return [...models.values()];
  }

  async load(name: string, version?: string): Promise<ModelPackage> {
    let fault: CipherlayerError = modelNotFound(name);
    // A version is the same wherever it is: the last stores, packages of this
    // machine, know at once whether they have it.
    const stores = version === undefined
      ? this.#stores
      : this.#stores.toReversed();
    for (const store of stores) {
      try {
        return await store.load(name, version);
      } catch (error) {
        if (!(error instanceof CipherlayerError)) throw error;
        if (error.code === "model-changed") fault = error;
        else if (error.code !== "model-not-found") throw error;
      }
    }
    throw fault;
  }
}
