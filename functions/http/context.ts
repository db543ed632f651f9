import type { Kernel } from "../../sdk/paillier/public/kernel.ts";
import type { RandomSource } from "../../sdk/support/random.ts";
import type { Access } from "../access/principal.ts";
import type { Gate } from "../admission/gate.ts";
import type { Rates } from "../admission/rates.ts";
import type { Budget } from "../admission/budget.ts";
import type { Limits } from "../admission/body.ts";
import type { Keyring } from "../rounds/keyring.ts";
import type { ModelStore } from "../models/model_store.ts";
import type { NonceStore } from "../stores/spent_tokens.ts";
import type { EvaluationThreads } from "../threads/threads.ts";

/** What the routes share: caches and configuration, no state of any session. */
export interface Context {
  models: ModelStore;
  keyring: Keyring;
  nonces: NonceStore;
  budget?: Budget;
  access: Access;
  gate: Gate;
  rates?: Rates;
  /** Where a call comes from, by what the host passes to `fetch` beside the request. */
  address: (host: unknown) => string | undefined;
  kernel: Kernel;
  /** Milliseconds since 1970. */
  clock: () => number;
  random: RandomSource;
  insecureKeys: boolean;
  limits: Limits;
  /** Where rounds are evaluated, if not here. */
  threads?: EvaluationThreads;
}
