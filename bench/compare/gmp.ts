/**
 * GMP by foreign function calls, the reference of big integers.
 *
 * @module
 */
/** An integer of GMP: the 16 bytes of its `mpz_t`. */
export type Mpz = Uint8Array<ArrayBuffer>;

/** The native yardstick: GMP through FFI. */
export interface Gmp {
  /** For example "6.2.1". */
  readonly version: string;
  /** A GMP integer of this non-negative value (never freed: benchmarks only). */
  integer(value: bigint): Mpz;
  toBigInt(value: Mpz): bigint;
  /** result = base^exponent mod modulus */
  power(result: Mpz, base: Mpz, exponent: Mpz, modulus: Mpz): void;
  /** result = left * right mod modulus: a product, then a division. */
  multiply(result: Mpz, left: Mpz, right: Mpz, modulus: Mpz): void;
}

const libraryNames = ["libgmp.so.10", "libgmp.10.dylib", "libgmp-10.dll"];

const symbols = {
  __gmpz_init: { parameters: ["buffer"], result: "void" },
  __gmpz_import: {
    parameters: ["buffer", "usize", "i32", "usize", "i32", "usize", "buffer"],
    result: "void",
  },
  __gmpz_export: {
    parameters: ["buffer", "buffer", "i32", "usize", "i32", "usize", "buffer"],
    result: "pointer",
  },
  __gmpz_powm: {
    parameters: ["buffer", "buffer", "buffer", "buffer"],
    result: "void",
  },
  __gmpz_mul: { parameters: ["buffer", "buffer", "buffer"], result: "void" },
  __gmpz_tdiv_r: { parameters: ["buffer", "buffer", "buffer"], result: "void" },
  __gmp_version: { type: "pointer" },
} as const;

/** GMP as installed on this machine, or null. */
export function openGmp(): Gmp | null {
  for (const name of libraryNames) {
    try {
      return wrap(Deno.dlopen(name, symbols));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }
  return null;
}

const isMissing = (error: unknown) =>
  error instanceof Error && /dlopen|LoadLibrary|open shared/i.test(`${error}`);

function wrap({ symbols: gmp }: Deno.DynamicLibrary<typeof symbols>): Gmp {
  const version = Deno.UnsafePointerView.getCString(
    new Deno.UnsafePointerView(gmp.__gmp_version!).getPointer()!,
  );
  return {
    version,
    integer(value) {
      const words: bigint[] = [];
      for (; value > 0n; value >>= 64n) words.push(BigInt.asUintN(64, value));
      const integer = new Uint8Array(16);
      gmp.__gmpz_init(integer);
      const source = BigUint64Array.from(words);
      gmp.__gmpz_import(integer, BigInt(words.length), -1, 8n, 0, 0n, source);
      return integer;
    },
    toBigInt(integer) {
      const size = Math.abs(new Int32Array(integer.buffer)[1]);
      const words = new BigUint64Array(size), count = new BigUint64Array(1);
      gmp.__gmpz_export(words, count, -1, 8n, 0, 0n, integer);
      return words.reduceRight((value, word) => value << 64n | word, 0n);
    },
    power: (result, base, exponent, modulus) =>
      gmp.__gmpz_powm(result, base, exponent, modulus),
    multiply(result, left, right, modulus) {
      gmp.__gmpz_mul(result, left, right);
      gmp.__gmpz_tdiv_r(result, result, modulus);
    },
  };
}
