/**
 * What the environment says of the functions. Runtime: Deno.
 *
 * @module
 */
import process from "node:process";
import { availableParallelism } from "node:os";
import { platformRandom } from "../../sdk/support/random.ts";
import { FolderObjectStore } from "../stores/folder.ts";
import { openKvState } from "../stores/kv_state.ts";
import type { SharedState } from "../stores/shared_state.ts";
import { logFrom } from "./log.ts";
import { sealingKeyFrom, threadsFrom } from "./options.ts";
import { type ProcessOptions, processOptions } from "./process_options.ts";
import { Settings } from "./settings.ts";
import { openState } from "./state.ts";

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

/**
 * What the functions run on; `functions/main.ts` lists the settings.
 *
 * @param isListener and no thread of one
 * @throws {RangeError} for a setting that makes no sense
 */
export async function denoOptions(
  settings: Settings,
  sealingKey: Uint8Array,
  isListener: boolean,
): Promise<ProcessOptions> {
  const role = { isListener, openKv: openKvState };
  const state = await openState(settings, role) ??
    await openOwnKv(settings, isListener);
  const openFolder = (path: string) => new FolderObjectStore(path);
  return await processOptions(settings, { sealingKey, state, openFolder });
}

/**
 * Deno's own database of this program. Without it, models that need spent tokens
 * cannot be used, and rates are counted in each thread apart.
 */
async function openOwnKv(
  settings: Settings,
  isListener: boolean,
): Promise<SharedState | undefined> {
  try {
    return await openKvState(undefined, { beats: isListener });
  } catch (error) {
    logFrom(settings).notice(
      `Deno KV cannot be opened (${
        (error as Error).message
      }): models that reveal labels cannot be used`,
    );
  }
}
