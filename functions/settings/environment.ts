/**
 * What the environment says of the functions. Runtime: Deno.
 *
 * @module
 */
import process from "node:process";
import { availableParallelism } from "node:os";
import { platformRandom } from "../../sdk/support/random.ts";
import { KvBudgetStore } from "../stores/kv_budget.ts";
import { MemoryBudgetStore } from "../admission/budget.ts";
import type { AppOptions } from "../app.ts";
import { whenUnlocked } from "../stores/kv_lock.ts";
import { damageOf, isCut } from "../stores/kv_damage.ts";
import { Heartbeat } from "../stores/heartbeat.ts";
import { KvNonceStore } from "../stores/kv_spent_tokens.ts";
import { NoNonceStore } from "../stores/spent_tokens.ts";
import { Log, type LogFormat, type LogLevel } from "../telemetry/log.ts";
import type { ReadinessCheck } from "../telemetry/readiness.ts";
import { accessFrom } from "./access.ts";
import { checkModelFolder } from "./model_folder.ts";
import { modelsFrom } from "./models.ts";
import { sealingKeyFrom, sharedOptions, threadsFrom } from "./options.ts";
import { Settings } from "./settings.ts";

/** @throws {RangeError} for a setting that is not known */
export function readEnvironment(): Settings {
  return new Settings(process.env, "deno");
}

/** The sealing key that is set, or a random one with a warning. */
export function sealingKeyOrRandom(settings: Settings): Uint8Array {
  const text = settings.text("CIPHERLAYER_SEALING_KEY");
  if (!text) {
    logFrom(settings).notice(
      "CIPHERLAYER_SEALING_KEY is not set: using a random one. Sessions end when this process does, and other instances refuse its tokens.",
    );
    return platformRandom(32);
  }
  return sealingKeyFrom(text);
}

/**
 * Threads that evaluate, by default as many as there are processors; one, the
 * caller's own, on platforms that run isolates side by side.
 */
export function denoThreads(settings: Settings): number {
  return threadsFrom(
    settings,
    process.env.DENO_DEPLOYMENT_ID ? 1 : availableParallelism(),
  );
}

/** The log that is asked for. */
export function logFrom(settings: Settings): Log {
  return new Log({
    level: settings.choice<LogLevel>(
      "CIPHERLAYER_LOG",
      ["errors", "off", "calls"],
    ),
    format: settings.choice<LogFormat>(
      "CIPHERLAYER_LOG_FORMAT",
      ["text", "json"],
    ),
  });
}

/** What the functions run on; `functions/main.ts` lists the settings. */
export async function denoOptions(
  settings: Settings,
  sealingKey: Uint8Array,
): Promise<AppOptions> {
  const limits = {
    perMinute: settings.number("CIPHERLAYER_BUDGET_PER_MINUTE"),
    perDay: settings.number("CIPHERLAYER_BUDGET_PER_DAY"),
    perModelDay: settings.limit("CIPHERLAYER_BUDGET_PER_MODEL_DAY"),
  };
  if (
    settings.text("CIPHERLAYER_MODELS") || !settings.text("CIPHERLAYER_STORE")
  ) {
    await checkModelFolder(settings);
  }
  const isNeeded = Object.values(limits).some(Number.isFinite);
  const kv = await openKv(settings, isNeeded);
  return {
    ...modelsFrom(settings, kv),
    ...sharedOptions(settings),
    sealingKey,
    nonces: kv ? new KvNonceStore(kv) : new NoNonceStore(),
    budget: {
      store: kv ? new KvBudgetStore(kv) : new MemoryBudgetStore(),
      limits,
    },
    ready: kv && startHeartbeat(kv, settings.text("CIPHERLAYER_KV")),
    access: await accessFrom(settings),
  };
}

/**
 * Where spent tokens and budgets are kept. Without it, models that need spent tokens
 * cannot be used, and rates are counted in each thread apart.
 *
 * @param isNeeded a budget has to be counted
 * @throws {RangeError} if it is needed or set, and cannot be opened
 */
async function openKv(
  settings: Settings,
  isNeeded: boolean,
): Promise<Deno.Kv | undefined> {
  const path = settings.text("CIPHERLAYER_KV");
  try {
    const damage = path && isFile(path) ? damageOf(path) : null;
    if (damage) throw new Error(`${path} is damaged: ${damage}`);
    const kv = await whenUnlocked(() => Deno.openKv(path));
    await whenUnlocked(() => kv.get(["cipherlayer"]));
    return kv;
  } catch (error) {
    const why = `Deno KV cannot be opened (${(error as Error).message})`;
    if (isNeeded || path !== undefined) {
      throw new RangeError(
        `Cannot start: ${why}; CIPHERLAYER_KV and budgets need it`,
        { cause: error },
      );
    }
    logFrom(settings).notice(
      `${why}: models that reveal labels cannot be used`,
    );
  }
}

/** Others are in memory, or on other machines. */
function isFile(kvPath: string): boolean {
  return kvPath !== ":memory:" && !/^https?:/.test(kvPath);
}

/** The readiness of a database, from a heartbeat that lasts as long as the process. */
function startHeartbeat(kv: Deno.Kv, path?: string): ReadinessCheck {
  const heartbeat = new Heartbeat(kv, {
    isCut: () => path !== undefined && isFile(path) && isCut(path),
  });
  heartbeat.start();
  return heartbeat.ready;
}
