/**
 * Options of `connect` and `infer`.
 *
 * @module
 */
import type { ActivationRegistry } from "../activations/registry.ts";
import type { ContractChange } from "./contract_keeper.ts";
import type { Clock } from "../support/clock.ts";
import type { RetryNotice } from "./events.ts";
import type { KeyStore } from "../keys/key_store.ts";
import type { PaillierEngine } from "../paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../paillier/private/private_key.ts";
import type { RandomSource } from "../support/random.ts";
import type { PlanLimits } from "./plan_limits.ts";
import type { RetryPolicy } from "./retry.ts";

/**
 * Options of `connect`.
 *
 * @example
 * ```ts
 * import { connect, type ConnectOptions, generatePrivateKey } from "@cipherlayer/sdk";
 *
 * const options: ConnectOptions = {
 *   url: "http://127.0.0.1:8000",
 *   model: "occupancy",
 *   keys: await generatePrivateKey(2048),
 *   timeoutMs: 30_000,
 * };
 * console.log(options.model, typeof connect); // connect(options)
 * ```
 */
export interface ConnectOptions {
  /** Where the functions run, for example `http://127.0.0.1:8000`. */
  url: string | URL;
  /** Name of a model that they serve. */
  model: string;
  /**
   * The gateway's key, or the store whose current key it is. A `PaillierEngine` stays the
   * caller's; it may serve several sessions.
   */
  keys: PrivateKey | PaillierEngine | KeyStore;
  /**
   * The contract that the model must keep: what `cipherlayer inspect` prints and
   * `Session.contract` tells, `sha256:` and 64 hexadecimal digits. Pin it: a cloud that
   * may choose anew what a reading may be learns from refusals. Without it the contract
   * of the first use is held to: the one that the key store remembers
   * (`KeyStore.contracts`), else that of the first session.
   */
  contract?: string;
  /**
   * Asked when the model has another contract than the one known, where none is pinned:
   * true accepts it, and the key store remembers it from then on. Without it, or where
   * it says false, the session is refused with `contract-changed`. States of the model
   * begin with 0 again, as after {@linkcode Session.resetStates}.
   */
  onContractChange?: (change: ContractChange) => boolean | Promise<boolean>;
  /**
   * `small` for gateways of 128 MB: a few megabytes of tables, one thread, and twice the
   * products for an encryption. Not for a `PaillierEngine`, which has its own options.
   *
   * @default "auto": small where the machine or container is known to have less than
   * 512 MiB
   */
  memory?: "auto" | "small";
  /**
   * Readings per inference, packed into the slots of the same ciphertexts.
   *
   * @default 1
   */
  samples?: number;
  /**
   * Bearer token of the caller's account, where the functions ask for one. It is a
   * secret: sent with every call, never logged nor part of an error.
   */
  token?: string;
  /**
   * Makes the requests: for proxies and private certificates.
   *
   * @default the platform's
   */
  fetch?: typeof fetch;
  /**
   * Source of encryption randomness and jitter.
   *
   * @default the platform's cryptographic source
   */
  random?: RandomSource;
  /** Activations beyond the built-in ones, by name. */
  activations?: ActivationRegistry;
  /**
   * How much memory and work the functions' plan may ask of the gateway.
   *
   * @default 2^22 elements a sample, 2^24 over all samples, 2^31 operations an inference
   */
  planLimits?: Partial<PlanLimits>;
  /**
   * Decides whether and when a failed call is tried again.
   *
   * @default exponentialBackoff()
   */
  retry?: RetryPolicy;
  /** Called before each wait, from the first call on; a session also dispatches "retry". */
  onRetry?: (notice: RetryNotice) => void;
  /**
   * Time, for tests and simulations.
   *
   * @default the platform's
   */
  clock?: Clock;
  /**
   * A call without a complete reply after this time is tried again; `Infinity` waits.
   *
   * @default 120,000
   */
  timeoutMs?: number;
  /**
   * Requests of an inference leave a whole multiple of this many milliseconds after
   * the answer before came in, so that the pause between rounds tells the functions
   * nothing of the gateway's work. Choose it above the time of the longest round's
   * work; each round takes that much longer.
   *
   * @default 0, they leave at once
   */
  paceMs?: number;
  /** Aborts connecting. */
  signal?: AbortSignal;
}

/**
 * Options of an inference.
 *
 * @example
 * ```ts
 * import type { InferOptions } from "@cipherlayer/sdk";
 *
 * const options: InferOptions = { clamp: true, signal: AbortSignal.timeout(60_000) };
 * console.log(options); // session.infer(reading, options)
 * ```
 */
export interface InferOptions {
  /** Aborts the inference; it rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Moves values outside the model's range to its nearest end instead of refusing them.
   *
   * @default false
   */
  clamp?: boolean;
}
