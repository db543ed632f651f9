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
import { ristretto255, ristretto255_hasher } from "@noble/curves/ed25519.js";
import { sha256, sha512 } from "@noble/hashes/sha2.js";
import { CipherlayerError } from "../support/errors.ts";
import { concat } from "../support/bytes.ts";

const { Point } = ristretto255;
type Point = InstanceType<typeof Point>;

export const pointBytes = 32;
/** What a receiver sends for each choice. */
export const choiceBytes = 2 * pointBytes;
export const keyBytes = 16;

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
  const wide = sha512(join(purpose, index, seed));
  const value = wide.reduce((sum, byte) => sum << 8n | BigInt(byte), 0n);
  return value % (Point.Fn.ORDER - 1n) + 1n;
}

const hashPoint = (point: Uint8Array, index: number, side: number): Point =>
  ristretto255_hasher.hashToCurve(join("other", index, side, point)) as Point;

const keyOf = (
  shared: Point,
  index: number,
  side: number,
  sender: Uint8Array,
): Uint8Array =>
  sha256(join("key", index, side, sender, shared.toBytes())).slice(0, keyBytes);

/** The receiver's message. @param choices 0 or 1 each */
export function receiverPoints(
  seed: Uint8Array,
  choices: Uint8Array,
): Uint8Array {
  const message = new Uint8Array(choiceBytes * choices.length);
  choices.forEach((choice, i) => {
    const other = ristretto255_hasher.hashToCurve(join("point", i, seed))
      .toBytes();
    const mine = Point.BASE.multiply(scalar("receiver", i, seed))
      .subtract(hashPoint(other, i, choice)).toBytes();
    const at = choiceBytes * i;
    message.set(choice ? other : mine, at);
    message.set(choice ? mine : other, at + pointBytes);
  });
  return message;
}

/**
 * The receiver's key of each choice.
 *
 * @throws {CipherlayerError} `malformed` if the sender's point is none
 */
export function receiverKeys(
  seed: Uint8Array,
  choices: Uint8Array,
  sender: Uint8Array,
): Uint8Array[] {
  const point = decodePoint(sender).precompute(8) as Point;
  return Array.from(choices, (choice, i) => {
    const shared = point.multiply(scalar("receiver", i, seed));
    return keyOf(shared, i, choice, sender);
  });
}

/** Points of a receiver's message. @throws {CipherlayerError} `malformed` if one is none */
export function decodePoints(message: Uint8Array): Point[] {
  return Array.from(
    { length: message.length / pointBytes },
    (_, i) =>
      decodePoint(message.subarray(pointBytes * i, pointBytes * (i + 1))),
  );
}

function decodePoint(bytes: Uint8Array): Point {
  try {
    return Point.fromBytes(bytes) as Point;
  } catch (cause) {
    throw new CipherlayerError(
      "malformed",
      "Cannot start oblivious transfer: expected points of ristretto255, got other bytes",
      { cause },
    );
  }
}

export interface BaseSender {
  /** The sender's point. */
  message: Uint8Array;
  /** Both keys of each choice. */
  keys: [Uint8Array, Uint8Array][];
}

/**
 * The sender's message and keys; yields often, since a thousand choices take a second.
 *
 * The multiplications take a time that depends on the seed's scalar. One sum of
 * thousands of them is all that shows, of a scalar that serves this request alone.
 *
 * @param seed of this request alone
 * @param received the receiver's message, and its points
 */
export function* answerPoints(
  seed: Uint8Array,
  received: { message: Uint8Array; points: readonly Point[] },
): Generator<void, BaseSender> {
  const secret = scalar("sender", 0, seed);
  const message = Point.BASE.multiply(secret).toBytes();
  const key = (i: number, side: 0 | 1) => {
    const at = pointBytes * (2 * i + 1 - side);
    const other = received.message.subarray(at, at + pointBytes);
    const shared = received.points[2 * i + side]
      .add(hashPoint(other, i, side)).multiplyUnsafe(secret);
    return keyOf(shared as Point, i, side, message);
  };
  const keys: BaseSender["keys"] = [];
  for (let i = 0; i < received.points.length / 2; i++) {
    keys.push([key(i, 0), key(i, 1)]);
    yield;
  }
  return { message, keys };
}
