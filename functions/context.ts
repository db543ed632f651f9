import type { Kernel } from "../sdk/paillier/kernel.ts";
import type { RandomSource } from "../sdk/random.ts";
import type { Budget } from "./budget.ts";
import type { Limits } from "./limits.ts";
import type { Keyring } from "./keyring.ts";
import type { ModelStore } from "./model_store.ts";
import type { NonceStore } from "./privacy/nonces.ts";
import type { EvaluationThreads } from "./threads.ts";

/** What the routes share: caches and configuration, no state of any session. */
export interface Context {
  models: ModelStore;
  keyring: Keyring;
  nonces: NonceStore;
  budget?: Budget;
  kernel: Kernel;
  /** Milliseconds since 1970. */
  clock: () => number;
  random: RandomSource;
  insecureKeys: boolean;
  limits: Limits;
  /** Where rounds are evaluated, if not here. */
  threads?: EvaluationThreads;
}
