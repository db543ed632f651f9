/**
 * The functions on what no operator wishes for: `LOAD_CLOCK_MS` moves their clock,
 * `LOAD_THREADS_DIE=1` evaluates on threads that end by uncaught errors.
 *
 * @module
 */
import { createApp } from "../../functions/app.ts";
import {
  denoOptions,
  denoThreads,
  readEnvironment,
  sealingKeyOrRandom,
} from "../../functions/settings/environment.ts";
import { EvaluationThreads } from "../../functions/threads/threads.ts";

const settings = readEnvironment();
const sealingKey = sealingKeyOrRandom(settings);
const offMs = Number(Deno.env.get("LOAD_CLOCK_MS") ?? 0);
const dying = Deno.env.get("LOAD_THREADS_DIE") === "1";

if (dying) {
  const script = new URL("./dying_thread.ts", import.meta.url);
  globalThis.Worker = class extends Worker {
    constructor(_: string | URL, options?: WorkerOptions) {
      super(script, options);
    }
  };
}

const app = createApp({
  ...await denoOptions(settings, sealingKey, true),
  clock: () => Date.now() + offMs,
  threads: dying
    ? new EvaluationThreads(denoThreads(settings), sealingKey)
    : undefined,
});

export default { fetch: app.fetch };
