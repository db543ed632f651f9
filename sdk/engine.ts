/**
 * Paillier's machinery, for programs that choose how it computes: options of the
 * engine, kernels, sealing of keys by hand, and the platform's clock and
 * randomness. A gateway script needs none of it.
 *
 * @module
 */
export {
  fingerprintOfSealed,
  type SealingOptions,
  sealPrivateKey,
  unsealPrivateKey,
} from "./keys/key_sealing.ts";
export {
  PaillierEngine,
  type PaillierEngineOptions,
} from "./paillier/private/paillier_engine.ts";
export {
  PrivateKey,
  type SecretPrimes,
} from "./paillier/private/private_key.ts";
export type { Arithmetic, Kernel, Lane } from "./paillier/public/kernel.ts";
export { PublicKey } from "./paillier/public/public_key.ts";
export { selectKernel } from "./paillier/public/select_kernel.ts";
export { type Clock, platformClock } from "./support/clock.ts";
export { platformRandom, type RandomSource } from "./support/random.ts";
