/**
 * Private deep-learning inference: the gateway's side of Cipherlayer. A cloud
 * evaluates a neural network on readings that it cannot see.
 *
 * ```ts ignore
 * import { connect, generatePrivateKey } from "@cipherlayer/sdk";
 *
 * const keys = await generatePrivateKey();
 * await using session = await connect({
 *   url: "http://127.0.0.1:8000",
 *   model: "lenet-mnist",
 *   keys,
 * });
 * const answer = await session.infer(picture); // 784 numbers in [0, 1]
 * console.log(answer.predicted);
 * ```
 *
 * @module
 */
export type { ActivationRegistry } from "./activations/registry.ts";
export { type BlobStore, MemoryBlobStore } from "./blobs/blob_store.ts";
export { IndexedDbBlobStore } from "./blobs/blob_store_indexed_db.ts";
export {
  type KvAtomicLike,
  KvBlobStore,
  type KvLike,
} from "./blobs/blob_store_kv.ts";
export type { ContractStore } from "./keys/contract_store.ts";
export type {
  Reading,
  ReadingRecord,
  ReadingValues,
} from "./fixed_point/reading.ts";
export {
  type KeyStore,
  MemoryKeyStore,
  type NewKeyOptions,
  openKey,
  type OpenKeyOptions,
  rotateKey,
} from "./keys/key_store.ts";
export {
  SealedKeyStore,
  type SealedKeyStoreOptions,
} from "./keys/key_store_sealed.ts";
export {
  exportPrivateJwk,
  exportPublicJwk,
  importPrivateJwk,
  importPublicJwk,
  type PrivateJwk,
  type PublicJwk,
} from "./paillier/private/jwk.ts";
export {
  generatePrivateKey,
  type KeyGenerationOptions,
} from "./paillier/private/key_generation.ts";
export { PaillierEngine } from "./paillier/private/paillier_engine.ts";
export { PrivateKey } from "./paillier/private/private_key.ts";
export { PublicKey } from "./paillier/public/public_key.ts";
export { OfflineQueue } from "./queue/offline_queue.ts";
export type {
  AddOptions,
  AddResult,
  OfflineQueueOptions,
  ProcessOptions,
  QueuedOutcome,
  QueuedReading,
} from "./queue/queue_options.ts";
export type { ContractChange } from "./session/contract_keeper.ts";
export type {
  Listener,
  ListenerOptions,
  RetryNotice,
  RoundProgress,
  RoundReport,
  SessionEventMap,
  SessionEvents,
  SessionState,
} from "./session/events.ts";
export type { LeakageReport, RoundLeakage } from "./session/leakage.ts";
export { listModels, type ListModelsOptions } from "./session/list_models.ts";
export type { PlanLimits } from "./session/plan_limits.ts";
export {
  type BackoffOptions,
  exponentialBackoff,
  type RetryPolicy,
} from "./session/retry.ts";
export { connect, type Session } from "./session/session.ts";
export type {
  ConnectOptions,
  InferOptions,
} from "./session/session_options.ts";
export type { Answer } from "./session/answer.ts";
export type { Clock } from "./support/clock.ts";
export { CipherlayerError, type ErrorCode } from "./support/errors.ts";
export type { RandomSource } from "./support/random.ts";
export type { ModelInfo, ModelValues } from "./wire/messages.ts";
export type { InferencePlan } from "./wire/plan.ts";
export type { InputSpec, OutputSpec } from "./wire/values.ts";
