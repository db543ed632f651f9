/**
 * Measures products modulo N squared against GMP.
 *
 * @module
 */
import process from "node:process";
import type { Arithmetic, Kernel } from "../../sdk/paillier/public/kernel.ts";
import { selectKernel } from "../../sdk/paillier/public/select_kernel.ts";
import { type Gmp, openGmp } from "./gmp.ts";
import { type BenchResult, compare } from "../shared/harness.ts";

/** Bits of the exponents that GMP raises to. */
const exponentBits = 1024;
const sizes = [512, 1024, 2048, 3072];
const warmUpRounds = 40;

/**
 * Modular products beside GMP, microseconds of processor time each on one core
 * (processor time, since a busy machine takes more from long runs than from short ones):
 *
 * - `modmul-n2-B`: N of B bits, products and squares modulo N^2 in the proportion in
 *   which a power needs them, against GMP's `mpz_powm` divided by its number of
 *   products and squares: the fastest that GMP is at this.
 * - `multiply-n2-B`, `square-n2-B`: products of unrelated numbers, and squares, against
 *   `mpz_mul` and `mpz_tdiv_r`, GMP's way to multiply two given numbers.
 *
 * @param rounds how many interleaved rounds to take the median of
 */
export function benchmarkModularProducts(
  { rounds = 81, kernel = selectKernel() }: {
    rounds?: number;
    kernel?: Kernel;
  } = {},
): BenchResult[] {
  const gmp = openGmp();
  const cases = sizes.map((bits) => productCase(kernel, gmp, bits));
  const figures: Record<string, number[]> = {};
  const takeRound = () => {
    for (const { bits, workloads } of cases) {
      for (const [name, workload] of Object.entries(workloads)) {
        (figures[`${name}-${bits}`] ??= []).push(microsecondsEach(workload));
      }
    }
  };
  // The engine compiles the hot code meanwhile.
  for (let round = 0; round < warmUpRounds; round++) takeRound();
  for (const name in figures) delete figures[name];
  for (let round = 0; round < rounds; round++) takeRound();
  return cases.flatMap(({ bits, squareShare }) => {
    const multiply = figures[`multiply-${bits}`];
    const square = figures[`square-${bits}`];
    const power = multiply.map((each, turn) =>
      squareShare * square[turn] + (1 - squareShare) * each
    );
    const row = (name: string, ours: number[], gmpWorkload: string) =>
      compare(
        { name: `${name}-n2-${bits}`, unit: "us", note: gmp ? null : absent },
        ours,
        gmp && {
          name: `GMP ${gmp.version}`,
          figures: figures[`${gmpWorkload}-${bits}`],
        },
      );
    return [
      row("modmul", power, "gmpPower"),
      row("multiply", multiply, "gmpMultiply"),
      row("square", square, "gmpSquare"),
    ];
  });
}

const absent = "reference absent: install libgmp";

function microsecondsEach({ products, run }: Workload): number {
  const before = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage();
  return (user + system - before.user - before.system) / products;
}

interface Workload {
  /** Products in one run. */
  products: number;
  run(): void;
}

function productCase(kernel: Kernel, gmp: Gmp | null, bits: number) {
  const modulus = randomInteger(bits) | 1n << BigInt(bits - 1) | 1n;
  const square = modulus * modulus;
  const [x, y] = [
    randomInteger(2 * bits) % square,
    randomInteger(2 * bits) % square,
  ];
  const exponent = randomInteger(exponentBits) | 1n << BigInt(exponentBits - 1);
  const { squares, products } = slidingWindowSteps(exponent);

  const steps = 2 * Math.ceil(2e5 / bits);
  const arithmetic = kernel.open([modulus, modulus], 8);
  [x, y, x, y].forEach((value, register) =>
    arithmetic.loadPair(register, 0, value % modulus, value / modulus)
  );
  const workloads: Record<string, Workload> = {
    multiply: program(arithmetic, steps, (i) => [4 + i % 4, i % 2, 2 + i % 2]),
    square: program(arithmetic, steps, (i) => [4 + i % 4, i % 2, i % 2]),
  };
  if (gmp) {
    const [result, a, b, e, m] = [0n, x, y, exponent, square].map(gmp.integer);
    const repeat = (run: () => void): Workload => ({
      products: steps,
      run: () => {
        for (let i = 0; i < steps; i++) run();
      },
    });
    workloads.gmpPower = {
      products: squares + products,
      run: () => gmp.power(result, a, e, m),
    };
    workloads.gmpMultiply = repeat(() => gmp.multiply(result, a, b, m));
    workloads.gmpSquare = repeat(() => gmp.multiply(result, a, a, m));
  }
  return { bits, workloads, squareShare: squares / (squares + products) };
}

function program(
  arithmetic: Arithmetic,
  products: number,
  step: (i: number) => number[],
): Workload {
  const steps = Uint32Array.from(
    Array.from({ length: products }, (_, i) => step(i)).flat(),
  );
  return { products, run: () => arithmetic.run(steps) };
}

/** Steps of GMP's `mpz_powm`: a sliding window, 6 bits wide for exponents of 674 to 1793 bits. */
function slidingWindowSteps(
  exponent: bigint,
): { squares: number; products: number } {
  const width = 6, bits = exponent.toString(2);
  let squares = 1, products = 2 ** (width - 1) - 1; // the table of odd powers
  let at = width; // the first window is a look-up
  while (at < bits.length) {
    if (bits[at] === "0") {
      at++;
      squares++;
    } else {
      const window = bits.slice(at, at + width).replace(/0+$/, "");
      at += window.length;
      squares += window.length;
      products++;
    }
  }
  return { squares, products };
}

function randomInteger(bits: number): bigint {
  const words = crypto.getRandomValues(
    new BigUint64Array(Math.ceil(bits / 64)),
  );
  const value = words.reduce((value, word) => value << 64n | word, 0n);
  return BigInt.asUintN(bits, value);
}

if (import.meta.main) {
  const results = benchmarkModularProducts();
  console.table(
    results.map(({ name, value, unit, reference, ratio }) => ({
      name,
      [unit]: value.toFixed(3),
      [reference?.name ?? "reference"]: reference?.value.toFixed(3),
      ratio: ratio?.toFixed(2),
    })),
  );
}
