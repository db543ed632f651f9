/**
 * The WASM kernels at the bounds of their digits: every product checked against BigInt.
 *
 * `CIPHERLAYER_STRESS=50 deno test -A tests/sdk/paillier/kernel_stress_test.ts` does 50 times
 * as much, on fresh numbers (the seed is printed).
 */
import assert from "node:assert/strict";
import { instantiate } from "../../../sdk/paillier/wasm/instance.ts";
import {
  type DigitFormat,
  digitsOf,
  longDigits,
  shortDigits,
} from "../../../sdk/paillier/wasm/limbs.ts";
import { fusesMultiplyAdd } from "../../../sdk/paillier/wasm/relaxed_simd.ts";
import { Draw, seededRandom } from "./kernel_numbers.ts";

/** Bits of N and of p of keys of 512 to 4096 bits, and the most that n limbs serve: R = 4M. */
const sizes = [200, 256, 298, 348, 398, 448, 512, 548, 683, 698, 768, 998]
  .concat([1024, 1048, 1098, 1536, 2048, 3072, 3098, 4096]);
const effort = Number(Deno.env.get("CIPHERLAYER_STRESS") ?? 1);
const seed = effort === 1 ? 1 : Math.floor(Math.random() * 2 ** 31);

type Pair = [a: bigint, b: bigint];
const magnitude = (value: bigint) => value < 0n ? -value : value;

/** A kernel that is given pairs as they are: not reduced, not in Montgomery form. */
class RawKernel {
  readonly limbs: number;
  readonly #instance;
  readonly #digits: Float64Array;

  constructor(
    readonly moduli: readonly [bigint, bigint],
    readonly format: DigitFormat,
  ) {
    this.#instance = instantiate(moduli, format);
    const { code, layout } = this.#instance;
    code.memory.grow(1);
    this.#digits = new Float64Array(code.memory.buffer);
    this.limbs = layout.n;
  }

  address(register: number): number {
    const { bank, registerBytes } = this.#instance.layout;
    return bank + register * registerBytes;
  }

  put(register: number, [a, b]: Pair): void {
    const at = this.address(register) / 8;
    this.#digits.set(digitsOf(a, this.limbs, this.format), at);
    this.#digits.set(digitsOf(b, this.limbs, this.format), at + this.limbs);
  }

  get(register: number): Pair {
    const at = this.address(register) / 8;
    const component = (from: number) =>
      this.#digits.subarray(from, from + this.limbs).reduceRight(
        (value, digit) => (value << BigInt(this.format.bits)) + BigInt(digit),
        0n as bigint,
      );
    return [component(at), component(at + this.limbs)];
  }

  /** Registers 4 and 5 = products of (0, 1) and (2, 3). */
  multiply(): void {
    const [a, b, c, d, e, f] = [0, 1, 2, 3, 4, 5].map((r) => this.address(r));
    this.#instance.code.multiply(a, b, c, d, e, f);
  }

  /** Registers 4 and 5 = squares of (0, 1). */
  square(): void {
    const [a, b, , , e, f] = [0, 1, 2, 3, 4, 5].map((r) => this.address(r));
    this.#instance.code.square(a, b, e, f);
  }
}

/** Moduli at the ends: all ones, least, digits at both ends of their range, and any. */
function modulus(draw: Draw, bits: number, format: DigitFormat, kind: number) {
  const top = 1n << BigInt(bits), half = top >> 1n;
  const candidates = [
    () => top - 1n,
    () => half + 1n,
    () => half | draw.bits(bits - 1) | 1n,
    () => magnitude(draw.extreme(top - 1n, 1, format.bits)) | 1n,
    () => magnitude(draw.extreme(top - 1n, 0, format.bits)) | 1n,
    () => magnitude(draw.extreme(top - 1n, 0.5, format.bits)) | 1n,
  ];
  const value = candidates[kind % candidates.length]();
  return value < half ? value + half : value;
}

/** A component in [-bound, bound], often at an end of its range or with its digits there. */
function component(
  draw: Draw,
  limbs: number,
  { bits }: DigitFormat,
  bound: bigint,
): bigint {
  const sign = draw.of(1n, -1n);
  return draw.of(
    () => sign * bound,
    () => sign * (bound - 1n),
    () => 0n,
    () => sign,
    () => draw.extreme(bound, 0, bits),
    () => draw.extreme(bound, 1, bits),
    () => draw.extreme(bound, 0.5, bits),
    () => draw.extreme(bound, draw.index(1001) / 1000, bits),
    () => sign * (draw.bits(bits * limbs) % bound),
    () => sign * (bound >> 1n),
  )();
}

/** How much b may exceed M: `sweeps.ts` calls it e. */
const excessBits = (format: DigitFormat) => format.fused ? 40n : 24n;

const cases = [longDigits, shortDigits].flatMap((format) =>
  sizes.map((bits) => ({ format, bits }))
);
for (const { format, bits } of cases) {
  const name =
    `wasm kernel at the bounds of digits of ${format.bits} bits, moduli of ${bits} bits`;
  const ignore = format.fused && !fusesMultiplyAdd();
  Deno.test({ name, ignore }, () => {
    const draw = new Draw(seededRandom(seed + bits));
    const limbs = Math.max(
      2 * format.rows,
      Math.ceil((bits + 2) / format.bits),
    );
    const radix = 1n << BigInt(format.bits * limbs);
    const rounds = Math.ceil(effort * (bits > 1500 ? 12 : 40));
    for (let kind = 0; kind < 12; kind++) {
      const raw = new RawKernel([
        modulus(draw, bits, format, kind),
        modulus(draw, bits, format, draw.index(6)),
      ], format);
      assert.equal(raw.limbs, limbs);
      // |a| <= M, |b| <= (1 + e) M, the set that products must not leave.
      const pairs = () =>
        raw.moduli.map((m): Pair => [
          component(draw, limbs, format, m),
          component(draw, limbs, format, m + (m >> excessBits(format))),
        ]);
      for (let round = 0; round < rounds; round++) {
        let left = pairs();
        const right = pairs();
        for (const lane of [0, 1]) {
          raw.put(lane, left[lane]);
          raw.put(2 + lane, right[lane]);
        }
        const step = (operation: "multiply" | "square") => {
          raw[operation]();
          const factors = operation === "square" ? left : right;
          left = left.map((pair, lane) => {
            const result = raw.get(4 + lane);
            check(pair, factors[lane], result, {
              m: raw.moduli[lane],
              r: radix,
              format,
            });
            raw.put(lane, result);
            return result;
          });
        };
        if (round % 2 === 1) step("multiply");
        step("square");
        step("square");
        step("multiply");
      }
    }
  });
}

/** The congruence, and the bounds that `sweeps.ts` proves. */
function check(
  [a, b]: Pair,
  [c, d]: Pair,
  [t, u]: Pair,
  { m, r, format }: { m: bigint; r: bigint; format: DigitFormat },
) {
  const difference = (t + u * m) * r - (a + b * m) * (c + d * m);
  const slack = m + (m >> BigInt(format.bits - 1)) + 1n;
  const right = difference % (m * m) === 0n &&
    2n * magnitude(t) * r <= 2n * magnitude(a * c) + slack * r &&
    2n * (magnitude(u) - 1n) * r <= 2n * magnitude(a * d + b * c) + slack * r &&
    magnitude(t) <= m && magnitude(u) <= m + (m >> excessBits(format));
  assert.ok(
    right,
    `seed ${seed}: (${a}, ${b}) * (${c}, ${d}) gives (${t}, ${u}) modulo ${m}^2`,
  );
}
