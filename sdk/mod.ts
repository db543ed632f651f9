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
export { type ActivationRegistry, applySteps } from "./activations.ts";
export { type BlobStore, MemoryBlobStore } from "./blob_store.ts";
export { IndexedDbBlobStore } from "./blob_store_indexed_db.ts";
export { KvBlobStore, type KvDatabase } from "./blob_store_kv.ts";
export { type Clock, platformClock } from "./clock.ts";
export { CipherlayerError, type ErrorCode } from "./errors.ts";
export {
  type RetryNotice,
  type RoundProgress,
  type RoundReport,
  type SessionEventMap,
  SessionEvents,
  type SessionState,
} from "./events.ts";
export {
  FixedPointCodec,
  fromResidue,
  quantise,
  toResidue,
} from "./fixed_point/codec.ts";
export type { EdgeTensor } from "./fixed_point/edge_tensor.ts";
export {
  openPrivateKey,
  sealedFingerprint,
  type SealingOptions,
  sealPrivateKey,
} from "./key_sealing.ts";
export {
  type KeyStore,
  MemoryKeyStore,
  type NewKeyOptions,
  openKey,
  rotateKey,
} from "./key_store.ts";
export {
  SealedKeyStore,
  type SealedKeyStoreOptions,
} from "./key_store_sealed.ts";
export {
  exportPrivateJwk,
  exportPublicJwk,
  importPrivateJwk,
  importPublicJwk,
  type PrivateJwk,
  type PublicJwk,
} from "./paillier/jwk.ts";
export {
  OfflineQueue,
  type OfflineQueueOptions,
  type ProcessOptions,
  type Queued,
  type QueuedOutcome,
} from "./offline_queue.ts";
export type { Arithmetic, Kernel, Lane } from "./paillier/kernel.ts";
export {
  generatePrivateKey,
  type KeyGenerationOptions,
} from "./paillier/key_generation.ts";
export {
  type LeakageReport,
  leakageReport,
  type RoundLeakage,
} from "./leakage.ts";
export { KeyOwner, type KeyOwnerOptions } from "./paillier/key_owner.ts";
export { PrivateKey, type SecretPrimes } from "./paillier/private_key.ts";
export { PublicKey } from "./paillier/public_key.ts";
export { selectKernel } from "./paillier/select_kernel.ts";
export { platformRandom, type RandomSource } from "./random.ts";
export {
  type BackoffOptions,
  exponentialBackoff,
  type RetryPolicy,
} from "./retry.ts";
export {
  type Answer,
  connect,
  type ConnectOptions,
  type InferOptions,
  Session,
} from "./session.ts";
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
  SpatialInput,
  SpatialLayout,
  Tail,
} from "./wire/plan.ts";
