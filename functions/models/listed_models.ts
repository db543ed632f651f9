import type { ModelPackage } from "../../models/package/format.ts";
import type { ModelInfo } from "../../sdk/wire/messages.ts";
import type { ModelStore } from "./model_store.ts";
import { remember } from "./remember.ts";

/** What a list told is told again this long. */
const listLifetimeMs = 1000;

/**
 * A store whose list is made once a second at most: it looks at every package, and
 * whoever asks for it, or for a model that is none, should not keep the functions busy.
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
