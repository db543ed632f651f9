/**
 * The functions for `deno serve`, which needs a proxy before it that closes idle
 * connections; `deno task serve` needs none. From the environment:
 *
 * - `CIPHERLAYER_MODELS`: folder of model packages, or a package; default
 *   `models/zoo`;
 * - `CIPHERLAYER_STORE`: where models are kept that their owners upload (PROTOCOL.md,
 *   "Control plane"): a folder, `state` (the database of `CIPHERLAYER_STATE`), or `s3://bucket/prefix` with
 *   `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_REGION`, and
 *   `AWS_ENDPOINT_URL_S3` for others than Amazon; they hide packages of the same
 *   name, and without `CIPHERLAYER_MODELS` are all there is;
 * - `CIPHERLAYER_OWNER_KEYS`: the owners' public keys, joined by commas
 *   (`cipherlayer owner-key create`): nothing is served from the store that none of
 *   them has signed;
 * - `CIPHERLAYER_SEALING_KEY`: at least 32 bytes, hexadecimal or base64url; all
 *   instances need the same, so it is required with `deno serve --parallel`;
 * - `CIPHERLAYER_PREVIOUS_SEALING_KEYS`: earlier ones, joined by commas, for one
 *   token lifetime (an hour) after a change: sessions begun under them go on;
 * - `CIPHERLAYER_THREADS`: threads that evaluate, default one a processor;
 * - `CIPHERLAYER_STATE`: where spent tokens, budgets and rates are kept that instances
 *   share: `redis://` or `rediss://`, `postgres://`, or `kv:` with the path or URL of a
 *   Deno KV database; default: Deno's own for this program (docs/operations.md);
 * - `CIPHERLAYER_STATE_REPLICAS`: replicas of a Redis server that must have what is
 *   written before it counts; default 0;
 * - `CIPHERLAYER_BUDGET_PER_MINUTE`, `_PER_DAY`, `_PER_MODEL_DAY`: values (outputs
 *   times samples) that an account may be told; unlimited by default. Sealed models are
 *   served where `_PER_MODEL_DAY` is a number of labels, or `unlimited`;
 * - `CIPHERLAYER_ACCESS`: who may call, a line of JSON for each token or account
 *   (`functions/access/entries.ts`; `cipherlayer token new` makes them): a file, read
 *   again when it changes, or the lines themselves; default: everybody, as clients of
 *   one account;
 * - `CIPHERLAYER_ACCOUNT_HEADER`: the header in which a proxy that authenticates
 *   clients, by mutual TLS for example, names their account; it must take the header
 *   away from what clients send;
 * - `CIPHERLAYER_SESSIONS_PER_MINUTE` (default 120), `CIPHERLAYER_CALLS_PER_MINUTE`,
 *   `CIPHERLAYER_CALLS_AT_ONCE` (default 64): of an account or, where everybody may
 *   call, of an address; of its sealed calls, too, `CIPHERLAYER_SEALED_MS_PER_MINUTE`
 *   (predicted milliseconds on one core, default 60,000) and
 *   `CIPHERLAYER_SEALED_BYTES_PER_MINUTE` (of replies, default 1,000,000,000), each a
 *   number or `unlimited`;
 * - `CIPHERLAYER_WAITING_CALLS`: calls that may wait for their turn, default 128; more
 *   get `Retry-After`;
 * - `CIPHERLAYER_MAX_MS_PER_CALL`: predicted milliseconds of a call, on one core, at
 *   most; rounds that take longer are split. All instances need the same;
 * - `CIPHERLAYER_ORIGINS`: origins whose pages may call, joined by commas, `*` for all;
 *   default: none;
 * - `CIPHERLAYER_INSECURE_KEYS=1`: also accept keys shorter than 2048 bits;
 * - `CIPHERLAYER_LOG`: `errors` (the default: faults of the functions' own), `calls`
 *   (a line each) or `off`, on standard error; `CIPHERLAYER_LOG_FORMAT`: `text`
 *   or `json`;
 * - `CIPHERLAYER_METRICS=1`: anybody may read `/metrics`, not only owners of models;
 * - `OTEL_DENO=true` and what else Deno takes for OpenTelemetry.
 *
 * Other settings of that prefix are refused. `docs/operations.md` tells what there is to watch.
 *
 * @module
 */
import { stopGracefully } from "./admission/graceful_stop.ts";
import { createApp } from "./app.ts";
import {
  denoOptions,
  denoThreads,
  readEnvironment,
  sealingKeyOrRandom,
} from "./settings/environment.ts";
import { logFrom } from "./settings/log.ts";
import { gateFrom, ratesFrom } from "./settings/options.ts";
import { telemetryFrom } from "./settings/telemetry.ts";
import { EvaluationThreads } from "./threads/threads.ts";

const settings = readEnvironment();
const sealingKey = sealingKeyOrRandom(settings);
const threads = denoThreads(settings);

const options = await denoOptions(settings, sealingKey, true);
if (!options.access) {
  logFrom(settings).notice(
    "CIPHERLAYER_ACCESS is not set: anybody who reaches this address may call.",
  );
}
const gate = gateFrom(settings, threads);

const evaluation = threads > 1
  ? new EvaluationThreads(threads, sealingKey)
  : undefined;

const telemetry = telemetryFrom(settings, gate);

const app = createApp({
  ...options,
  gate,
  rates: ratesFrom(settings, options.budget.store),
  ...telemetry,
  threads: evaluation,
});

export default {
  fetch: stopGracefully(app.fetch, gate, () => {
    evaluation?.close();
    telemetry.close();
    void options.close();
  }),
};
