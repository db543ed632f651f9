/**
 * What the environment says of the functions of a process, whatever its runtime.
 * Runtime: Deno and Node.
 *
 * @module
 */
import { MemoryBudgetStore } from "../admission/budget.ts";
import type { Budget } from "../admission/budget.ts";
import type { AppOptions } from "../app.ts";
import { NoNonceStore } from "../stores/spent_tokens.ts";
import type { SharedState } from "../stores/shared_state.ts";
import { accessFrom } from "./access.ts";
import { checkModelFolder } from "./model_folder.ts";
import { modelsFrom, type ObjectPlaces } from "./models.ts";
import { sharedOptions } from "./options.ts";
import type { Settings } from "./settings.ts";

/** What an application of a process runs on. */
export interface ProcessOptions extends AppOptions {
  budget: Budget;
  /** Gives up what would keep the process alive. */
  close(): Promise<void>;
}

/**
 * @param state undefined where there is none: tokens that must be spent are refused
 * @throws {RangeError} for a setting that makes no sense, or a budget that nobody counts
 */
export async function processOptions(
  settings: Settings,
  { sealingKey, state, openFolder }: {
    sealingKey: Uint8Array;
    state: SharedState | undefined;
    openFolder?: ObjectPlaces["openFolder"];
  },
): Promise<ProcessOptions> {
  const limits = {
    perMinute: settings.number("CIPHERLAYER_BUDGET_PER_MINUTE"),
    perDay: settings.number("CIPHERLAYER_BUDGET_PER_DAY"),
    perModelDay: settings.limit("CIPHERLAYER_BUDGET_PER_MODEL_DAY"),
  };
  if (!state?.budgets && Object.values(limits).some(Number.isFinite)) {
    throw new RangeError(
      "Cannot start: budgets need a database in CIPHERLAYER_STATE",
    );
  }
  if (
    settings.text("CIPHERLAYER_MODELS") || !settings.text("CIPHERLAYER_STORE")
  ) {
    await checkModelFolder(settings);
  }
  return {
    ...modelsFrom(settings, { shared: state?.objects, openFolder }),
    ...sharedOptions(settings),
    sealingKey,
    nonces: state?.nonces ?? new NoNonceStore(),
    budget: { store: state?.budgets ?? new MemoryBudgetStore(), limits },
    ready: state?.ready,
    access: await accessFrom(settings),
    close: async () => await state?.close(),
  };
}
