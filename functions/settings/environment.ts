import { platformRandom } from "../../sdk/support/random.ts";
import { accessFromEnvironment } from "./access.ts";
import type { AppOptions } from "../app.ts";
import { KvBudgetStore, MemoryBudgetStore } from "../admission/budget.ts";
import { whenUnlocked } from "../stores/kv_lock.ts";
import { checkModelFolder, modelsFromEnvironment } from "./models.ts";
import { originsFrom } from "./origins.ts";
import { logFromEnvironment } from "./log.ts";
import { numberFrom } from "./number.ts";
import { Heartbeat } from "../stores/heartbeat.ts";
import type { ReadinessCheck } from "../telemetry/readiness.ts";
import { KvNonceStore, NoNonceStore } from "../stores/spent_tokens.ts";
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
  const limits = {
    perMinute: numberFrom("CIPHERLAYER_BUDGET_PER_MINUTE"),
    perDay: numberFrom("CIPHERLAYER_BUDGET_PER_DAY"),
    perModelDay: numberFrom("CIPHERLAYER_BUDGET_PER_MODEL_DAY"),
  };
  await checkModelFolder();
  const kv = await openKv(
    Object.values(limits).some((limit) => limit !== undefined),
  );
  return {
    ...modelsFromEnvironment(kv),
    sealingKey,
    previousSealingKeys:
      Deno.env.get("CIPHERLAYER_PREVIOUS_SEALING_KEYS")?.split(",").map(
        sealingKeyFrom,
      ) ?? [],
    nonces: kv ? new KvNonceStore(kv) : new NoNonceStore(),
    budget: {
      store: kv ? new KvBudgetStore(kv) : new MemoryBudgetStore(),
      limits,
    },
    ready: kv && beating(kv),
    limits: {
      maxMillisecondsPerCall: numberFrom("CIPHERLAYER_MAX_MS_PER_CALL") ??
        Infinity,
    },
    access: await accessFromEnvironment(),
    origins: originsFrom(Deno.env.get("CIPHERLAYER_ORIGINS")),
    insecureKeys: Deno.env.get("CIPHERLAYER_INSECURE_KEYS") === "1",
  };
}

/**
 * Where spent tokens and budgets are kept. Without it, models that need spent tokens
 * cannot be used, and rates are counted in each thread apart.
 *
 * @param needed a budget has to be counted
 * @throws {RangeError} if it is needed or set, and cannot be opened
 */
async function openKv(needed: boolean): Promise<Deno.Kv | undefined> {
  const path = Deno.env.get("CIPHERLAYER_KV") || undefined;
  try {
    const kv = await whenUnlocked(() => Deno.openKv(path));
    await whenUnlocked(() => kv.get(["cipherlayer"]));
    return kv;
  } catch (error) {
    const why = `Deno KV cannot be opened (${(error as Error).message})`;
    if (needed || path !== undefined) {
      throw new RangeError(
        `Cannot start: ${why}; CIPHERLAYER_KV and budgets need it`,
        { cause: error },
      );
    }
    logFromEnvironment().notice(
      `${why}: models that reveal labels cannot be used`,
    );
  }
}

/** The readiness of a database, from a heartbeat that lasts as long as the process. */
function beating(kv: Deno.Kv): ReadinessCheck {
  const heartbeat = new Heartbeat(kv);
  heartbeat.start();
  return heartbeat.ready;
}
