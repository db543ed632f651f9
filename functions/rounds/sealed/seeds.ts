/**
 * Seeds of sealed calls: a secret function of everything that a call depends on.
 *
 * Two calls that differ in a bit of token or body, or in a gate of their circuits,
 * share no salt, mask, Delta or nonce. A field left out would give one of them away.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { projectionWords } from "../../../sdk/garbling/circuit.ts";
import { sumOfNumbers } from "../../../sdk/garbling/rounds/bits.ts";
import type { Shares } from "../../../sdk/garbling/rounds/plaintexts.ts";
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import { wordsOfBytes } from "../../../sdk/transfer/bytes.ts";
import {
  deriveKey,
  seedSources,
  uniformBelow,
  uniformBytes,
} from "../privacy/seed.ts";

/** A request as it came: the whole token and the whole body. */
export interface SealedRequest {
  token: Uint8Array;
  body: Uint8Array;
}

/** Kinds of calls; none shares a seed with another. */
export type SealedCall = "linear" | "activation" | "transfers" | "batch";

const none = new Uint8Array();

/** @param digest of the round's circuits, empty for calls without any */
export function callSeed(
  sealingKey: Uint8Array,
  call: SealedCall,
  { token, body }: SealedRequest,
  digest: Uint8Array = none,
): Uint8Array {
  const context = new Uint8Array(64 + digest.length);
  context.set(sha256(token));
  context.set(sha256(body), 32);
  context.set(digest, 64);
  return deriveKey(sealingKey, `sealed ${call}`, context);
}

/** A seed for one purpose within a call. */
export const purposeSeed = (
  seed: Uint8Array,
  purpose: string,
  bytes = 32,
): Uint8Array => deriveKey(seed, purpose, none, bytes);

/** The salt of shard `shard` of `shards`: four words that nothing else is garbled under. */
export function saltOf(
  seed: Uint8Array,
  shard: number,
  shards: number,
): Uint32Array {
  const bytes = purposeSeed(seed, `salt ${shard}/${shards}`, 16);
  return new Uint32Array(bytes.slice().buffer);
}

/** Masks of answers, each uniform modulo N. */
export async function answerMasks(
  seed: Uint8Array,
  count: number,
  modulus: bigint,
): Promise<bigint[]> {
  const range = { from: 0, to: count };
  const bytes = uniformBytes(bitLength(modulus));
  const sources = await seedSources(seed, "answer mask", range, bytes);
  return sources.map((source) => uniformBelow(modulus, source));
}

/**
 * Masks of the elements that a round hands on, each of a part for every bit of the value,
 * uniform in [0, 2^bits), as words. They depend on the element's place, not on the shard
 * that garbles it.
 */
export async function shareMasks(
  seed: Uint8Array,
  { count, valueBits, bits }: Shares,
): Promise<Uint32Array[]> {
  const size = 4 * projectionWords * valueBits;
  const range = { from: 0, to: count };
  const sources = await seedSources(seed, "share mask", range, size);
  const top = Array.from(
    { length: projectionWords },
    (_, w) => 2 ** Math.min(32, Math.max(0, bits - 32 * w)) - 1,
  );
  return sources.map((source) =>
    wordsOfBytes(source(size)).map((word, i) => word & top[i % projectionWords])
  );
}

/** What an element's number carries beside the value: the sum of its mask's parts, and the offset. */
export const shareAddend = (
  { bits, offset }: Shares,
  mask: Uint32Array,
): bigint => sumOfNumbers(mask, projectionWords, bits) + BigInt(offset);
