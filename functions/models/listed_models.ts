/**
 * The list of models that a caller may use, made once a second at most.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import type { ModelStore } from "./model_store.ts";
import { remember } from "./remember.ts";

/** How long a list is reused. */
const listLifetimeMs = 1000;

/**
 * A store whose list is made once a second at most: it looks at every package, and
 * callers that ask for it, or for unknown models, must not keep the functions busy.
 */
export class ListedModels implements ModelStore {
  readonly #store: ModelStore;
  readonly list: () => Promise<ModelInfo[]>;

  /** @param clock milliseconds of any start */
  constructor(
    store: ModelStore,
    clock: () => number = () => performance.now(),
  ) {
    this.#store = store;
    this.list = remember(() => store.list(), listLifetimeMs, clock);
  }

  load(name: string, version?: string): Promise<ModelPackage> {
    return this.#store.load(name, version);
  }
}
