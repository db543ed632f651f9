/**
 * Modular arithmetic on BigInts: gcd, inverse, power, Chinese remainders.
 *
 * @module
 */
import { bitLength } from "./big_integer.ts";

/**
 * Greatest common divisor of |a| and |b|; gcd(0, 0) = 0.
 */
export function gcd(a: bigint, b: bigint): bigint {
  return euclid(a < 0n ? -a : a, b < 0n ? -b : b).divisor;
}

/**
 * The x in [0, modulus) with a*x = 1 (mod modulus).
 *
 * @throws {RangeError} if `a` and `modulus` share a factor
 */
export function modInverse(a: bigint, modulus: bigint): bigint {
  const { divisor, cofactor } = euclid(modulus, modulo(a, modulus));
  if (divisor !== 1n) {
    throw new RangeError(
      "Cannot invert: expected a number without common factor with the modulus",
    );
  }
  return modulo(cofactor, modulus);
}

/** The residue of `a` in [0, modulus), for negative `a` too. */
export function modulo(a: bigint, modulus: bigint): bigint {
  const residue = a % modulus;
  return residue < 0n ? residue + modulus : residue;
}

/**
 * base^exponent mod modulus, for exponent >= 0, by sliding windows of up to 5 bits.
 */
export function modPower(
  base: bigint,
  exponent: bigint,
  modulus: bigint,
): bigint {
  if (exponent < 0n) {
    throw new RangeError("Cannot raise to a power: expected exponent >= 0");
  }
  const bits = exponent.toString(2);
  const widest = bits.length > 80 ? 5 : bits.length > 16 ? 3 : 1;
  // odd[i] = base^(2i+1)
  const odd = [modulo(base, modulus)];
  const square = odd[0] * odd[0] % modulus;
  for (let i = 1; i < 1 << (widest - 1); i++) {
    odd.push(odd[i - 1] * square % modulus);
  }
  let power = 1n % modulus;
  let at = 0;
  while (at < bits.length) {
    if (bits[at] === "0") {
      power = power * power % modulus;
      at++;
      continue;
    }
    let end = Math.min(at + widest, bits.length);
    while (bits[end - 1] === "0") end--;
    for (let i = at; i < end; i++) power = power * power % modulus;
    power = power * odd[parseInt(bits.slice(at, end), 2) >> 1] % modulus;
    at = end;
  }
  return power;
}

/** Leading bits taken into a Number: Euclid's steps on them are exact. */
const leadingBits = 52;

/**
 * Lehmer's algorithm: runs Euclid's on the leading 52 bits for as long as the
 * quotients are certain (Collins' condition, Jebelean's form), then applies the
 * 2x2 matrix found to the whole numbers at once.
 *
 * For a >= 0, b >= 0: divisor = gcd(a, b) = cofactor * b (mod a).
 */
function euclid(
  a: bigint,
  b: bigint,
): { divisor: bigint; cofactor: bigint } {
  let x = a, y = b;
  // x = s*b, y = t*b (mod a)
  let s = 0n, t = 1n;
  if (x < y) [x, y, s, t] = [y, x, t, s];
  let size = bitLength(x);
  while (size > leadingBits && y !== 0n) {
    const shift = BigInt(size - leadingBits);
    const step = leadingMatrix(Number(x >> shift), Number(y >> shift));
    if (step === null) {
      const quotient = x / y;
      [x, y] = [y, x - quotient * y];
      [s, t] = [t, s - quotient * t];
      size = bitLength(x);
      continue;
    }
    const [u0, v0, u1, v1] = step.map(BigInt);
    [x, y] = [u0 * x + v0 * y, u1 * x + v1 * y];
    [s, t] = [u0 * s + v0 * t, u1 * s + v1 * t];
    size = bitLength(x);
  }
  while (y !== 0n) {
    const quotient = x / y;
    [x, y] = [y, x - quotient * y];
    [s, t] = [t, s - quotient * t];
  }
  return { divisor: x, cofactor: s };
}

/**
 * Rows (u0, v0), (u1, v1) that take (x, y) some steps of Euclid's algorithm
 * forward, from leading parts x >= y alone; null if not even one step is certain.
 */
function leadingMatrix(
  x: number,
  y: number,
): [number, number, number, number] | null {
  let u0 = 1, v0 = 0, u1 = 0, v1 = 1;
  let even = false;
  while (y !== 0) {
    const quotient = Math.floor(x / y);
    const rest = x - quotient * y;
    const u2 = u0 - quotient * u1, v2 = v0 - quotient * v1;
    const certain = even
      ? rest >= -u2 && y - rest >= v2 - v1
      : rest >= -v2 && y - rest >= u2 - u1;
    if (!certain) break;
    [x, y] = [y, rest];
    [u0, v0, u1, v1] = [u1, v1, u2, v2];
    even = !even;
  }
  return v0 === 0 ? null : [u0, v0, u1, v1];
}
