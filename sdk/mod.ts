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
export { type ActivationRegistry, applySteps } from "./activations/apply.ts";
export { type BlobStore, MemoryBlobStore } from "./blobs/blob_store.ts";
export { IndexedDbBlobStore } from "./blobs/blob_store_indexed_db.ts";
export { KvBlobStore, type KvLike } from "./blobs/blob_store_kv.ts";
export { type Clock, platformClock } from "./support/clock.ts";
export { CipherlayerError, type ErrorCode } from "./support/errors.ts";
export {
  type RetryNotice,
  type RoundProgress,
  type RoundReport,
  type SessionEventMap,
  SessionEvents,
  type SessionState,
} from "./session/events.ts";
export {
  FixedPointCodec,
  fromResidue,
  quantise,
  toResidue,
} from "./fixed_point/codec.ts";
export type { IntegerTensor } from "./fixed_point/integer_tensor.ts";
export {
  fingerprintOfSealed,
  type SealingOptions,
  sealPrivateKey,
  unsealPrivateKey,
} from "./keys/key_sealing.ts";
export {
  type KeyStore,
  MemoryKeyStore,
  type NewKeyOptions,
  openKey,
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
  type AddResult,
  OfflineQueue,
  type OfflineQueueOptions,
  type ProcessOptions,
  type QueuedOutcome,
} from "./queue/offline_queue.ts";
export type { Arithmetic, Kernel, Lane } from "./paillier/public/kernel.ts";
export {
  generatePrivateKey,
  type KeyGenerationOptions,
} from "./paillier/private/key_generation.ts";
export {
  type LeakageReport,
  leakageReport,
  type RoundLeakage,
} from "./session/leakage.ts";
export {
  PaillierEngine,
  type PaillierEngineOptions,
} from "./paillier/private/paillier_engine.ts";
export {
  PrivateKey,
  type SecretPrimes,
} from "./paillier/private/private_key.ts";
export { PublicKey } from "./paillier/public/public_key.ts";
export { selectKernel } from "./paillier/public/select_kernel.ts";
export { platformRandom, type RandomSource } from "./support/random.ts";
export {
  type BackoffOptions,
  exponentialBackoff,
  type RetryPolicy,
} from "./session/retry.ts";
export {
  type Answer,
  connect,
  type ConnectOptions,
  type InferOptions,
  Session,
} from "./session/session.ts";
export type {
  DenseLayout,
  EdgeStep,
  InferencePlan,
  InputSpec,
  OutputSpec,
  PlanOutput,
  Reveal,
  RoundLayout,
  RoundPlan,
  ScoreDisplay,
  SpatialInput,
  SpatialLayout,
} from "./wire/plan.ts";
