/**
 * What the environment says of the functions. Runtime: Deno.
 *
 * @module
 */
import { platformRandom } from "../../sdk/support/random.ts";
import { AccessFile } from "../access/access_file.ts";
import { ConfiguredAccess } from "../access/configured_access.ts";
import { parseAccess } from "../access/entries.ts";
import type { Access } from "../access/principal.ts";
import { KvBudgetStore, MemoryBudgetStore } from "../admission/budget.ts";
import type { AppOptions } from "../app.ts";
import { whenUnlocked } from "../stores/kv_lock.ts";
import { damageOf, isCut } from "../stores/kv_damage.ts";
import { Heartbeat } from "../stores/heartbeat.ts";
import { KvNonceStore, NoNonceStore } from "../stores/spent_tokens.ts";
import { Log, type LogFormat, type LogLevel } from "../telemetry/log.ts";
import type { ReadinessCheck } from "../telemetry/readiness.ts";
import { checkModelFolder, modelsFrom } from "./models.ts";
import { sealingKeyFrom, sharedOptions, threadsFrom } from "./options.ts";
import { Settings } from "./settings.ts";

/** @throws {RangeError} for a setting that is not known */
export function readEnvironment(): Settings {
  return new Settings(Deno.env.toObject(), "deno");
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
    Deno.env.get("DENO_DEPLOYMENT_ID") ? 1 : navigator.hardwareConcurrency,
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
    perModelDay: settings.number("CIPHERLAYER_BUDGET_PER_MODEL_DAY"),
  };
  await checkModelFolder(settings);
  const isNeeded = Object.values(limits).some((limit) => limit !== undefined);
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
    ready: kv && beating(kv, settings.text("CIPHERLAYER_KV")),
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
function beating(kv: Deno.Kv, path?: string): ReadinessCheck {
  const heartbeat = new Heartbeat(kv, {
    isCut: () => path !== undefined && isFile(path) && isCut(path),
  });
  heartbeat.start();
  return heartbeat.ready;
}

/**
 * Who may call, from a file or its text; undefined where everybody may.
 *
 * @throws {RangeError} naming the first line that is wrong, or where the file cannot be
 * read
 */
async function accessFrom(settings: Settings): Promise<Access | undefined> {
  const list = settings.text("CIPHERLAYER_ACCESS");
  const accountHeader = settings.text("CIPHERLAYER_ACCOUNT_HEADER");
  if (list?.trimStart().startsWith("{")) {
    return new ConfiguredAccess(parseAccess(list), { accountHeader });
  }
  if (list) {
    return await AccessFile.open(list, { accountHeader }).catch((cause) => {
      if (cause instanceof RangeError) throw cause;
      throw new RangeError(
        `Cannot read CIPHERLAYER_ACCESS: expected lines of JSON or a file of them (${cause.message})`,
        { cause },
      );
    });
  }
  if (accountHeader) return new ConfiguredAccess(null, { accountHeader });
}
