/**
 * Chooses the fastest kernel whose self-test passes on this machine.
 *
 * @module
 */
import type { Kernel } from "./kernel.ts";
import { bigIntFromBytes } from "./big_integer.ts";
import { bigIntKernel } from "./kernel_bigint.ts";
import { unfusedKernel, wasmKernel } from "../wasm/kernel_wasm.ts";
import { fusesMultiplyAdd } from "../wasm/relaxed_simd.ts";

let selected: Kernel | undefined;

/**
 * The fastest kernel that is right on this machine. By their names:
 *
 * - "wasm" where WebAssembly has relaxed SIMD and the processor fuses multiply-adds;
 * - "wasm-unfused" where WebAssembly has SIMD: about half as fast;
 * - "bigint" elsewhere: a third to a quarter as fast as that.
 *
 * The choice is made once, by self-tests.
 *
 * @example
 * ```ts
 * import { selectKernel } from "@cipherlayer/sdk/engine";
 *
 * const arithmetic = selectKernel().open([2n ** 255n - 19n, 2n ** 221n - 3n], 2);
 * arithmetic.loadPair(0, 0, 3n, 0n);
 * arithmetic.run(Uint32Array.of(1, 0, 0));
 * const [square] = arithmetic.storePair(1, 0);
 * if (square !== 9n) throw new Error(`${square}`);
 * ```
 */
export function selectKernel(): Kernel {
  return selected ??= [wasmKernel, unfusedKernel].find(passesSelfTest) ??
    bigIntKernel;
}

function passesSelfTest(kernel: Kernel): boolean {
  if (typeof WebAssembly === "undefined") return false;
  try {
    return (kernel !== wasmKernel || fusesMultiplyAdd()) &&
      agrees(kernel, bigIntKernel);
  } catch (error) {
    // The engine has no SIMD, or a security policy forbids code made at run time.
    if (error instanceof WebAssembly.CompileError) return false;
    throw error;
  }
}

/** Whether two kernels find the same products of a few numbers with all digits at work. */
function agrees(one: Kernel, other: Kernel): boolean {
  const moduli = [2n ** 521n - 1n, 2n ** 512n - 569n] as const;
  const results = [one, other].map((kernel) => {
    const arithmetic = kernel.open(moduli, 4);
    for (const lane of [0, 1] as const) {
      const bytes = Uint8Array.from({ length: 128 }, (_, i) => 201 * i + lane);
      arithmetic.load(lane, lane, bytes);
      arithmetic.loadPair(
        2 + lane,
        lane,
        moduli[lane] - 1n,
        moduli[lane] >> 1n,
      );
    }
    arithmetic.run(Uint32Array.of(0, 0, 2, 1, 1, 3, 2, 0, 0, 3, 1, 1));
    return [0, 1, 2, 3].map((register) => {
      const out = new Uint8Array(132);
      arithmetic.store(register, register % 2 as 0 | 1, out);
      return bigIntFromBytes(out);
    });
  });
  return results[0].every((value, i) => value === results[1][i]);
}
