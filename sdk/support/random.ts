/**
 * The source of random bytes that everything random takes.
 *
 * @module
 */
/**
 * Source of random bytes: returns `length` fresh ones. Everything random in
 * Cipherlayer takes one, so that vectors and simulations are reproducible.
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
