import { platformRandom } from "../../sdk/support/random.ts";
import { accessFromEnvironment } from "./access.ts";
import type { AppOptions } from "../app.ts";
import { KvBudgetStore, MemoryBudgetStore } from "../admission/budget.ts";
import { whenUnlocked } from "../stores/kv_lock.ts";
import { modelsFromEnvironment } from "./models.ts";
import { logFromEnvironment } from "./log.ts";
import { numberFrom } from "./number.ts";
import { KvNonceStore } from "../stores/spent_tokens.ts";
import { sealingKeyFrom } from "./sealing_key.ts";

/** The sealing key that the environment names, or a random one with a warning. */
export function sealingKeyFromEnvironment(): Uint8Array {
  const text = Deno.env.get("CIPHERLAYER_SEALING_KEY");
  if (!text) {
    logFromEnvironment().notice(
      "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
    );
    return platformRandom(32);
  }
  return sealingKeyFrom(text);
}

/**
 * Threads that evaluate: `CIPHERLAYER_THREADS`, by default as many as there are
 * processors; one, the caller's own, on platforms that run isolates side by side.
 */
export function threadsFromEnvironment(): number {
  const wanted = numberFrom("CIPHERLAYER_THREADS");
  if (wanted !== undefined) return Math.max(1, Math.floor(wanted));
  return Deno.env.get("DENO_DEPLOYMENT_ID") ? 1 : navigator.hardwareConcurrency;
}

/** What the environment says of the functions; `functions/main.ts` lists it. */
export async function optionsFromEnvironment(
  sealingKey: Uint8Array,
): Promise<AppOptions> {
  const kv = await openKv();
  return {
    ...modelsFromEnvironment(kv),
    sealingKey,
    previousSealingKeys:
      Deno.env.get("CIPHERLAYER_PREVIOUS_SEALING_KEYS")?.split(",").map(
        sealingKeyFrom,
      ) ?? [],
    nonces: kv && new KvNonceStore(kv),
    budget: {
      store: kv ? new KvBudgetStore(kv) : new MemoryBudgetStore(),
      limits: {
        perMinute: numberFrom("CIPHERLAYER_BUDGET_PER_MINUTE"),
        perDay: numberFrom("CIPHERLAYER_BUDGET_PER_DAY"),
        perModelDay: numberFrom("CIPHERLAYER_BUDGET_PER_MODEL_DAY"),
      },
    },
    limits: {
      maxMillisecondsPerCall: numberFrom("CIPHERLAYER_MAX_MS_PER_CALL") ??
        Infinity,
    },
    access: await accessFromEnvironment(),
    insecureKeys: Deno.env.get("CIPHERLAYER_INSECURE_KEYS") === "1",
  };
}

/** Where spent tokens and budgets are kept; without it, in each thread apart. */
async function openKv(): Promise<Deno.Kv | undefined> {
  try {
    return await whenUnlocked(() =>
      Deno.openKv(Deno.env.get("CIPHERLAYER_KV"))
    );
  } catch (error) {
    logFromEnvironment().notice(
      `Deno KV cannot be opened (${
        (error as Error).message
      }): spent tokens and budgets are known to this thread alone. With other threads or instances, "reveal": "label" protects no more than "scores".`,
    );
  }
}
