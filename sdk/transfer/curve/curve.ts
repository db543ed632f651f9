/**
 * What base transfers need of ristretto255 (RFC 9496), on many points at once.
 *
 * Points are encoded doubled, which takes an inversion that many of them share instead
 * of a square root each. Whoever wants P encoded works with P/2.
 *
 * @module
 */

/** Bytes of an encoded point. */
export const pointBytes = 32;
/** Uniform bytes that a point is made of. */
export const uniformBytes = 64;

/** Some points, as the curve that made them holds them. */
export interface Points {
  readonly count: number;
}

/** Every list of points or scalars of a call is as long as the others. */
export interface Curve {
  /** The generator. */
  readonly base: Points;
  /** @throws {CipherlayerError} `malformed` if one is no point */
  decode(bytes: Uint8Array): Points;
  /** Points that nobody knows a logarithm of: RFC 9496's map of 64 bytes each. */
  derive(uniform: Uint8Array): Points;
  double(points: Points): Points;
  add(a: Points, b: Points): Points;
  subtract(a: Points, b: Points): Points;
  /** One point times each of the scalars. */
  multiplyOne(point: Points, scalars: readonly bigint[]): Points;
  /** Each point times the scalar. */
  multiplyAll(points: Points, scalar: bigint): Points;
  /** The encodings of twice the points, 32 bytes each. */
  encodeDoubles(points: Points): Uint8Array;
}
