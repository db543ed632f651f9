/**
 * Serves the functions: `deno serve -A functions/main.ts`. From the environment:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, default `models/zoo`;
 * - `CIPHERLAYER_SEALING_KEY`: at least 32 bytes, hexadecimal or base64url; all
 *   instances need the same, so it is required with `deno serve --parallel`;
 * - `CIPHERLAYER_PREVIOUS_SEALING_KEYS`: earlier ones, joined by commas, for one
 *   token lifetime (an hour) after a change: sessions begun under them go on;
 * - `CIPHERLAYER_THREADS`: threads that evaluate, default one a processor;
 * - `CIPHERLAYER_KV`: path or URL of the Deno KV database in which spent tokens and
 *   budgets are kept; default: Deno's own for this program;
 * - `CIPHERLAYER_BUDGET_PER_MINUTE`, `_PER_DAY`, `_PER_MODEL_DAY`: values (outputs
 *   times samples) that an account may be told; unlimited by default;
 * - `CIPHERLAYER_ACCOUNT_HEADER`: the header in which a proxy that authenticates
 *   clients names their account; without it all clients are one account;
 * - `CIPHERLAYER_INSECURE_KEYS=1`: also accept keys shorter than 2048 bits;
 * - `CIPHERLAYER_LOG`: `errors` (the default: faults of the functions' own), `calls`
 *   (a line each) or `off`, on standard error; `CIPHERLAYER_LOG_FORMAT`: `text`
 *   or `json`;
 * - `CIPHERLAYER_METRICS=1`: anybody may read `/metrics`, not only owners of models;
 * - `OTEL_DENO=true` and what else Deno takes for OpenTelemetry.
 *
 * `docs/operations.md` tells what there is to watch.
 *
 * @module
 */
import { createApp } from "./app.ts";
import {
  optionsFromEnvironment,
  sealingKeyFromEnvironment,
  threadsFromEnvironment,
} from "./environment.ts";
import { telemetryFromEnvironment } from "./telemetry/environment.ts";
import { EvaluationThreads } from "./threads.ts";

const sealingKey = sealingKeyFromEnvironment();
const threads = threadsFromEnvironment();

// With threads running, the runtime does not end on these by itself.
if (threads > 1) {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => Deno.exit(0));
  }
}

const app = createApp({
  ...await optionsFromEnvironment(sealingKey),
  ...telemetryFromEnvironment(),
  threads: threads > 1 ? new EvaluationThreads(threads, sealingKey) : undefined,
});

export default { fetch: app.fetch };
