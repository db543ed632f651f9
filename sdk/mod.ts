/**
 * Private deep-learning inference: the gateway's side of Cipherlayer.
 *
 * @module
 */
export { CipherlayerError, type ErrorCode } from "./errors.ts";
export { platformRandom, type RandomSource } from "./random.ts";
