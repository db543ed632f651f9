/**
 * A kernel module at work: its functions, and its memory with two moduli.
 *
 * @module
 */
import { bitLength } from "../public/big_integer.ts";
import { highStart, initialColumns, lowStart, roundStart } from "./columns.ts";
import { type Layout, maxWords } from "./memory_layout.ts";
import {
  type DigitFormat,
  digitsOf,
  limbsFor,
  negativeInverse,
} from "./limbs.ts";
import { type PairExports, pairModule } from "./pair_module.ts";

/** A module at work: its functions, and its memory with the constants of two moduli in it. */
export interface PairInstance {
  readonly layout: Layout;
  readonly code: PairExports;
}

/** The module of the size that both moduli (odd) need, lane i working modulo `moduli[i]`. */
export function instantiate(
  moduli: readonly [bigint, bigint],
  format: DigitFormat,
): PairInstance {
  const bits = Math.max(...moduli.map(bitLength));
  const { layout, module } = pairModule(limbsFor(bits, format), format);
  const { exports } = new WebAssembly.Instance(module);
  const code = exports as unknown as PairExports;
  const floats = new Float64Array(code.memory.buffer);
  writeStarts(layout, code.memory.buffer);
  for (const lane of [0, 1] as const) {
    writeModulus(layout, floats, moduli[lane], lane);
    writeConversionConstants(layout, floats, moduli[lane], lane);
  }
  const { modulus, moduli: first, modulusVectors } = layout;
  floats.copyWithin(modulus / 8, first / 8, first / 8 + 2 * modulusVectors);
  return { layout, code };
}

/** What is the same for all moduli: starts of the chains, initial columns. */
function writeStarts(at: Layout, buffer: ArrayBufferLike): void {
  const floats = new Float64Array(buffer), integers = new BigInt64Array(buffer);
  const limbBase = 2 ** at.format.bits;
  const constants: [number, number][] = [
    [at.high, highStart],
    [at.highLow, highStart + lowStart],
    [at.low, lowStart],
    [at.round, roundStart(at.format)],
    [at.exponent, 2 ** 52],
    [at.balance, 2 ** 52 + limbBase / 2],
  ];
  for (const [address, value] of constants) {
    floats.fill(value, address / 8, address / 8 + 2);
  }
  integers.fill(BigInt(limbBase) - 1n, at.mask / 8, at.mask / 8 + 2);
  const columns: [number, number, boolean, boolean][] = [
    [at.multiply1, 2, false, false],
    [at.multiply2, 3, false, true],
    [at.square1, 1, true, false],
    [at.square2, 2, false, true],
  ];
  for (const [address, fullSweeps, diagonalSweep, minusQuotients] of columns) {
    const plan = { fullSweeps, diagonalSweep, minusQuotients };
    initialColumns(at.n, at.blocks, at.format, plan).forEach((column, k) =>
      integers.fill(column, address / 8 + 2 * k, address / 8 + 2 * k + 2)
    );
  }
}

/** What the sweeps reduce by, into each choice of the lanes' moduli that has this one. */
function writeModulus(
  at: Layout,
  floats: Float64Array,
  modulus: bigint,
  lane: 0 | 1,
): void {
  const inverse = negativeInverse(modulus, at.format);
  const vectors = [
    ...digitsOf(modulus, at.n, at.format),
    inverse,
    highStart - 2 ** 52 * inverse,
  ];
  const put = (choice: number, place: 0 | 1) => {
    const start = at.moduli / 8 + 2 * at.modulusVectors * choice + place;
    vectors.forEach((value, j) => floats[start + 2 * j] = value);
  };
  put(0, lane);
  put(1 + lane, 0);
  put(1 + lane, 1);
}

function writeConversionConstants(
  at: Layout,
  floats: Float64Array,
  modulus: bigint,
  lane: 0 | 1,
): void {
  const { n, format } = at, start = at.constants + lane * at.constantBytes;
  const put = (offset: number, a: bigint, b: bigint) => {
    floats.set(digitsOf(a, n, format), (start + offset) / 8);
    floats.set(digitsOf(b, n, format), (start + offset) / 8 + n);
  };
  const square = modulus * modulus;
  const radix = (1n << BigInt(format.bits * n)) % square;
  let power = radix * radix % square;
  put(at.one, 1n, 0n);
  put(at.pairPowers, 0n, power % modulus);
  for (let i = 0; i < maxWords; i++) {
    put(
      at.wordPowers + i * at.registerBytes,
      power % modulus,
      power / modulus,
    );
    power = power * radix % square;
  }
  floats.set(digitsOf(modulus, n, format), (start + at.plainModulus) / 8);
  const scaled = (1n << BigInt(format.bits * (n - at.leading) + 200)) / modulus;
  floats[(start + at.inverse) / 8] = Number(scaled) / 2 ** 200;
}
