/**
 * The source of random bytes that everything random takes.
 *
 * @module
 */
/**
 * Source of random bytes: returns `length` fresh ones. Everything random in
 * Cipherlayer takes one, so that vectors and simulations are reproducible.
 *
 * @example
 * ```ts
 * import { generatePrivateKey, type RandomSource } from "@cipherlayer/sdk";
 *
 * const random: RandomSource = (length) => crypto.getRandomValues(new Uint8Array(length));
 * const key = await generatePrivateKey(2048, { random });
 * if (key.decrypt(key.encrypt(1n, random)) !== 1n) throw new Error("wrong plaintext");
 * ```
 */
export type RandomSource = (length: number) => Uint8Array;

/** The platform's cryptographic source, the default everywhere. */
export const platformRandom: RandomSource = (length: number): Uint8Array => {
  const bytes = new Uint8Array(length);
  // getRandomValues refuses more than 65,536 bytes at once.
  for (let at = 0; at < length; at += 65536) {
    crypto.getRandomValues(bytes.subarray(at, Math.min(at + 65536, length)));
  }
  return bytes;
};
