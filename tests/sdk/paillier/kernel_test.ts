import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bigIntFromBytes,
  bitLength,
  bytesFromBigInt,
} from "../../../sdk/paillier/public/big_integer.ts";
import type { Arithmetic, Lane } from "../../../sdk/paillier/public/kernel.ts";
import { bigIntKernel } from "../../../sdk/paillier/public/kernel_bigint.ts";
import {
  unfusedKernel,
  wasmKernel,
} from "../../../sdk/paillier/wasm/kernel_wasm.ts";
import { selectKernel } from "../../../sdk/paillier/public/select_kernel.ts";
import { fusesMultiplyAdd } from "../../../sdk/paillier/wasm/relaxed_simd.ts";
import { moduliOf } from "./kernel_numbers.ts";

/** Bits of the moduli: of N and of primes for keys of 512 to 4096 bits, and sizes where limbs run full. */
const sizes = [
  200,
  256,
  257,
  298,
  398,
  512,
  683,
  768,
  998,
  1024,
  1048,
  1536,
  2048,
];
const bigSizes = [3072, 4096];
const lanes: readonly Lane[] = [0, 1];

const readBytes = (
  arithmetic: Arithmetic,
  register: number,
  lane: Lane,
  length: number,
) => {
  const out = new Uint8Array(length).fill(0xff);
  arithmetic.store(register, lane, out);
  return bigIntFromBytes(out);
};
const readPair = (arithmetic: Arithmetic, register: number, lane: Lane) => {
  const [a, b] = arithmetic.storePair(register, lane);
  const modulus = arithmetic.moduli[lane];
  assert.ok(a >= 0n && a < modulus && b >= 0n && b < modulus);
  return a + b * modulus;
};

const fused = fusesMultiplyAdd();

Deno.test("machines that fuse multiply-adds get the kernel that needs it", () => {
  assert.equal(selectKernel(), fused ? wasmKernel : unfusedKernel);
  assert.equal(selectKernel(), selectKernel());
});

Deno.test({
  name:
    "machines that do not fuse get the kernel that does not need it, in both tiers; those without SIMD BigInt",
  ignore: !fused || Deno.build.arch !== "x86_64",
  fn: async () => {
    const module = import.meta.resolve(
      "../../../sdk/paillier/public/select_kernel.ts",
    );
    const source = `import { selectKernel } from "${module}";
      console.log(selectKernel().name);`;
    const machines = [
      ["--no-enable-fma3,--liftoff-only", "wasm-unfused"],
      ["--no-enable-fma3,--no-liftoff", "wasm-unfused"],
      ["--no-enable-sse4-1", "bigint"],
    ];
    for (const [flags, name] of machines) {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["eval", `--v8-flags=${flags}`, source],
      }).output();
      assert.equal(new TextDecoder().decode(stdout), `${name}\n`);
    }
  },
});

for (const kernel of [bigIntKernel, wasmKernel, unfusedKernel]) {
  const ignore = kernel === wasmKernel && !fused;
  const test = (name: string, fn: () => void) =>
    Deno.test({ name: `${kernel.name} kernel: ${name}`, ignore, fn });

  test("bytes of up to eight times the modulus load reduced and store canonical", () => {
    for (const bits of [...sizes, ...bigSizes]) {
      const moduli = moduliOf(bits), arithmetic = kernel.open(moduli, 4);
      const length = Math.ceil(bits / 8);
      for (const lane of lanes) {
        const square = moduli[lane] ** 2n;
        const values = [0n, 1n, moduli[lane], square - 1n, square, square + 1n];
        const inputs = [
          ...values.map((value) => bytesFromBigInt(value, 2 * length + 1)),
          new Uint8Array(0),
          Uint8Array.of(7),
          // A long input before shorter ones: nothing of it may stay.
          new Uint8Array(8 * length).fill(0xff),
          new Uint8Array(3 * length + 1).fill(0x80),
          new Uint8Array(2 * length).fill(0xff),
          Uint8Array.of(9),
        ];
        for (const bytes of inputs) {
          const expected = bigIntFromBytes(bytes) % square;
          arithmetic.load(2 + lane, lane, bytes);
          for (const extra of [0, 5]) {
            const stored = 2 * length + extra;
            assert.equal(
              readBytes(arithmetic, 2 + lane, lane, stored),
              expected,
            );
          }
          assert.equal(readPair(arithmetic, 2 + lane, lane), expected);
        }
      }
    }
  });

  test("any bytes load reduced", () => {
    const arithmetic = kernel.open(moduliOf(512), 2);
    fc.assert(fc.property(
      fc.uint8Array({ maxLength: 512 }),
      fc.constantFrom(...lanes),
      (bytes, lane) => {
        arithmetic.load(lane, lane, bytes);
        const square = arithmetic.moduli[lane] ** 2n;
        assert.equal(
          readBytes(arithmetic, lane, lane, 128),
          bigIntFromBytes(bytes) % square,
        );
      },
    ));
  });

  test("pairs come back", () => {
    for (const bits of [...sizes, ...bigSizes]) {
      const moduli = moduliOf(bits), arithmetic = kernel.open(moduli, 2);
      for (const lane of lanes) {
        const m = moduli[lane], length = 2 * Math.ceil(bits / 8);
        for (const [a, b] of [[0n, 0n], [m - 1n, m - 1n], [1n, m / 2n]]) {
          arithmetic.loadPair(lane, lane, a, b);
          assert.deepEqual(arithmetic.storePair(lane, lane), [a, b]);
          assert.equal(readBytes(arithmetic, lane, lane, length), a + b * m);
        }
      }
    }
  });

  test("registers start as 0, and keep their contents when the bank grows", () => {
    const moduli = moduliOf(512), arithmetic = kernel.open(moduli, 2);
    arithmetic.loadPair(0, 0, 5n, 6n);
    arithmetic.loadPair(1, 1, 7n, 8n);
    assert.equal(arithmetic.registers, 2);
    arithmetic.reserve(5000);
    assert.equal(arithmetic.registers, 5000);
    arithmetic.reserve(3);
    assert.equal(arithmetic.registers, 5000);
    assert.deepEqual(arithmetic.storePair(0, 0), [5n, 6n]);
    assert.deepEqual(arithmetic.storePair(1, 1), [7n, 8n]);
    assert.deepEqual(arithmetic.storePair(4999, 1), [0n, 0n]);
    arithmetic.run(Uint32Array.of(4998, 0, 0, 4999, 1, 1));
    assert.deepEqual(arithmetic.storePair(4998, 0), [25n, 60n]);
    assert.deepEqual(arithmetic.storePair(4999, 1), [49n, 112n]);
  });

  test("both products of a step read before either writes", () => {
    const [modulus] = moduliOf(256);
    const arithmetic = kernel.open([modulus, modulus], 3);
    arithmetic.loadPair(0, 0, 3n, 0n);
    arithmetic.loadPair(1, 1, 5n, 0n);
    arithmetic.loadPair(2, 0, 1n, 0n);
    arithmetic.run(Uint32Array.of(0, 1, 2, 1, 0, 2));
    assert.deepEqual(arithmetic.storePair(0, 0), [5n, 0n]);
    assert.deepEqual(arithmetic.storePair(1, 0), [3n, 0n]);
  });

  test("an odd program ends with a step of lane 0 alone", () => {
    const arithmetic = kernel.open(moduliOf(256), 4);
    arithmetic.loadPair(0, 0, 2n, 0n);
    arithmetic.loadPair(1, 1, 3n, 0n);
    arithmetic.run(new Uint32Array(0));
    arithmetic.run(Uint32Array.of(2, 0, 0));
    arithmetic.run(Uint32Array.of(2, 2, 0, 3, 1, 1, 2, 2, 2));
    assert.deepEqual(arithmetic.storePair(2, 0), [64n, 0n]);
    assert.deepEqual(arithmetic.storePair(3, 1), [9n, 0n]);
    assert.deepEqual(arithmetic.storePair(0, 0), [2n, 0n]);
  });

  test("long programs take effect in order", () => {
    // 3^(2^9001) by squares: longer than any buffer for steps.
    const moduli = moduliOf(256), arithmetic = kernel.open(moduli, 2);
    const squares = 9001;
    arithmetic.loadPair(0, 0, 3n, 0n);
    arithmetic.loadPair(1, 1, 3n, 0n);
    arithmetic.run(
      Uint32Array.from({ length: 6 * squares }, (_, i) => i % 6 < 3 ? 0 : 1),
    );
    for (const lane of lanes) {
      let expected = 3n;
      for (let i = 0; i < squares; i++) {
        expected = expected * expected % moduli[lane] ** 2n;
      }
      assert.equal(readPair(arithmetic, lane, lane), expected);
    }
  });

  test("any program computes what integers do", () => {
    const registers = 6;
    const register = fc.nat(registers - 1);
    for (const bits of sizes) {
      for (const equal of [true, false]) {
        const moduli = equal
          ? [moduliOf(bits)[0], moduliOf(bits)[0]] as const
          : moduliOf(bits);
        const squares = moduli.map((modulus) => modulus ** 2n);
        const arithmetic = kernel.open(moduli, 2 * registers);
        // With equal moduli any register serves either lane.
        const at = (lane: number, index: number, mixed: number) =>
          2 * index + (equal ? mixed % 2 : lane);
        const step = fc.tuple(register, register, register, fc.boolean());
        fc.assert(
          fc.property(
            fc.array(step, { minLength: 1, maxLength: 13 }),
            fc.array(
              fc.bigInt({ min: 0n, max: (1n << BigInt(2 * bits)) - 1n }),
              {
                minLength: 2 * registers,
                maxLength: 2 * registers,
              },
            ),
            (steps, values) => {
              const bank = values.map((value, i) => value % squares[i % 2]);
              bank.forEach((value, i) =>
                arithmetic.load(
                  i,
                  i % 2 as Lane,
                  bytesFromBigInt(value, Math.ceil(bits / 4)),
                )
              );
              const program: number[] = [];
              steps.forEach(([target, left, right, square], i) => {
                const lane = i % 2;
                // The targets of one step must differ.
                const to = at(lane, target, lane);
                const from = at(lane, left, i + left);
                program.push(
                  to,
                  from,
                  square ? from : at(lane, right, i + right),
                );
              });
              arithmetic.run(Uint32Array.from(program));
              for (let i = 0; i < program.length; i += 6) {
                const results = [i, i + 3].filter((at) => at < program.length)
                  .map((at, lane) =>
                    bank[program[at + 1]] * bank[program[at + 2]] %
                    squares[lane]
                  );
                results.forEach((value, lane) =>
                  bank[program[i + 3 * lane]] = value
                );
              }
              bank.forEach((value, i) =>
                assert.equal(readPair(arithmetic, i, i % 2 as Lane), value)
              );
            },
          ),
          { numRuns: bits > 1000 ? 4 : 12 },
        );
      }
    }
  });
}

Deno.test({
  name: "the WASM kernel refuses misuse",
  ignore: !fused,
  fn: () => {
    const [p, q] = moduliOf(512);
    assert.throws(() => wasmKernel.open([p + 1n, q], 1), RangeError);
    assert.throws(() => wasmKernel.open([2n ** 199n - 1n, q], 1), RangeError);
    assert.throws(() => wasmKernel.open([p, 2n ** 4096n + 1n], 1), RangeError);
    assert.throws(() => wasmKernel.open([p, moduliOf(1024)[0]], 1), RangeError);
    const arithmetic = wasmKernel.open([p, q], 2);
    assert.throws(() => arithmetic.run(Uint32Array.of(0, 1, 2)), RangeError);
    assert.throws(() => arithmetic.load(2, 0, Uint8Array.of(1)), RangeError);
    assert.throws(
      () => arithmetic.load(0, 0, new Uint8Array(700)),
      RangeError,
    );
    assert.throws(() => arithmetic.loadPair(0, 0, -1n, 0n), RangeError);
    assert.throws(() => arithmetic.storePair(-1, 0), RangeError);
    arithmetic.loadPair(0, 0, p - 1n, p - 1n);
    assert.throws(
      () => arithmetic.store(0, 0, new Uint8Array(127)),
      RangeError,
    );
    assert.equal(bitLength(readPair(arithmetic, 0, 0)), 1024);
  },
});
