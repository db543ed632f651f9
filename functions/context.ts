import type { Kernel } from "../sdk/paillier/kernel.ts";
import type { RandomSource } from "../sdk/random.ts";
import type { Limits } from "./limits.ts";
import type { ModelStore } from "./model_store.ts";
import type { PreparedModels } from "./prepared_model.ts";
import type { BankCache } from "./privacy/bank_cache.ts";
import type { TokenSealer } from "./privacy/token.ts";

/** What the routes share: caches and configuration, no state of any session. */
export interface Context {
  models: ModelStore;
  prepared: PreparedModels;
  sealer: TokenSealer;
  sealingKey: Uint8Array;
  banks: BankCache;
  kernel: Kernel;
  /** Milliseconds since 1970. */
  clock: () => number;
  random: RandomSource;
  insecureKeys: boolean;
  limits: Limits;
}
