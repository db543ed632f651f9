/**
 * Oblivious transfer from nothing: endemic OT (Masny, Rindal 2019) on ristretto255.
 *
 * For each choice the receiver sends two points, of which it knows the logarithm of one
 * (plus a hash of the other). Both are uniform, so the sender learns nothing, and the
 * receiver can know one key whatever it sends. Everything of each side follows from a
 * seed.
 *
 * @module
 */
import { ristretto255 } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { bytesToHex } from "@noble/hashes/utils.js";
import { concat } from "../support/bytes.ts";
import { type Curve, pointBytes, type Points } from "./curve/curve.ts";

/** What a receiver sends for each choice. */
export const choiceBytes = 2 * pointBytes;
export const keyBytes = 16;

/** Choices that are answered between two pauses, in some milliseconds. */
const choicesAtOnce = 16;

const text = new TextEncoder();

const join = (purpose: string, ...parts: (Uint8Array | number)[]): Uint8Array =>
  concat(
    text.encode(`cipherlayer base transfer ${purpose}`),
    ...parts.map((part) =>
      typeof part === "number"
        ? Uint8Array.of(part, part >> 8, part >> 16, part >>> 24)
        : part
    ),
  );

/** Uniform in [1, order) within 2^-250. */
function scalar(purpose: string, index: number, seed: Uint8Array): bigint {
  const wide = BigInt(`0x${bytesToHex(sha512(join(purpose, index, seed)))}`);
  return wide % (ristretto255.Point.Fn.ORDER - 1n) + 1n;
}

const scalars = (seed: Uint8Array, count: number): bigint[] =>
  Array.from({ length: count }, (_, i) => scalar("receiver", i, seed));

/** Half of what is added to a point for the one beside it: nobody knows its logarithm. */
const halfOfHash = (point: Uint8Array, index: number, side: number) =>
  sha512(join("other", index, side, point));

const keyOf = (
  shared: Uint8Array,
  index: number,
  side: number,
  sender: Uint8Array,
): Uint8Array =>
  sha256(join("key", index, side, sender, shared)).slice(0, keyBytes);

const pointAt = (bytes: Uint8Array, i: number): Uint8Array =>
  bytes.subarray(pointBytes * i, pointBytes * (i + 1));

/** The receiver's message. @param choices 0 or 1 each */
export function receiverPoints(
  curve: Curve,
  seed: Uint8Array,
  choices: Uint8Array,
): Uint8Array {
  const each = Array.from(choices);
  const others = curve.encodeDoubles(
    curve.derive(concat(...each.map((_, i) => sha512(join("point", i, seed))))),
  );
  const halves = curve.derive(
    concat(...each.map((side, i) => halfOfHash(pointAt(others, i), i, side))),
  );
  const mine = curve.encodeDoubles(
    curve.subtract(
      curve.multiplyOne(curve.base, scalars(seed, each.length)),
      halves,
    ),
  );
  return concat(...each.flatMap((choice, i) => {
    const pair = [pointAt(mine, i), pointAt(others, i)];
    return [pair[choice], pair[1 - choice]];
  }));
}

/**
 * The receiver's key of each choice.
 *
 * @throws {CipherlayerError} `malformed` if the sender's point is none
 */
export function receiverKeys(
  curve: Curve,
  seed: Uint8Array,
  choices: Uint8Array,
  sender: Uint8Array,
): Uint8Array[] {
  const point = curve.decode(sender);
  const shared = curve.encodeDoubles(
    curve.multiplyOne(point, scalars(seed, choices.length)),
  );
  return Array.from(
    choices,
    (choice, i) => keyOf(pointAt(shared, i), i, choice, sender),
  );
}

/** A receiver's message, found well-formed. */
export interface ReceivedPoints {
  message: Uint8Array;
  /** Of `choicesAtOnce` choices each. */
  points: Points[];
}

/** @throws {CipherlayerError} `malformed` if there is no point among the points */
export function readPoints(curve: Curve, message: Uint8Array): ReceivedPoints {
  const size = choiceBytes * choicesAtOnce, points: Points[] = [];
  for (let at = 0; at < message.length; at += size) {
    points.push(curve.decode(message.subarray(at, at + size)));
  }
  return { message, points };
}

export interface BaseSender {
  /** The sender's point. */
  message: Uint8Array;
  /** Both keys of each choice. */
  keys: [Uint8Array, Uint8Array][];
}

/**
 * The sender's message and keys; yields often.
 *
 * @param seed of this request alone
 */
export function* answerPoints(
  curve: Curve,
  seed: Uint8Array,
  { message: received, points }: ReceivedPoints,
): Generator<void, BaseSender> {
  const secret = scalar("sender", 0, seed);
  const message = curve.encodeDoubles(curve.multiplyOne(curve.base, [secret]));
  const keys: BaseSender["keys"] = [];
  for (const some of points) {
    const first = 2 * keys.length;
    const numbers = Array.from({ length: some.count }, (_, i) => first + i);
    const halves = curve.derive(concat(...numbers.map((number) =>
      // Even places are side 0: the other point is the next one, else that before.
      halfOfHash(pointAt(received, number ^ 1), number >> 1, number & 1)
    )));
    const shared = curve.encodeDoubles(
      curve.multiplyAll(curve.add(some, curve.double(halves)), secret),
    );
    const keyAt = (i: number) =>
      keyOf(pointAt(shared, i), numbers[i] >> 1, numbers[i] & 1, message);
    for (let i = 0; i < some.count; i += 2) keys.push([keyAt(i), keyAt(i + 1)]);
    yield;
  }
  return { message, keys };
}
