/**
 * The choice of a gate kernel.
 *
 * @module
 */
import type { GateKernel } from "./gate_kernel.ts";
import { ScalarKernel } from "./kernel_scalar.ts";
import { instantiateWasmKernel } from "./kernel_wasm.ts";

/** The fastest kernel that runs here, with its own memory. */
export function makeKernel(): GateKernel {
  return instantiateWasmKernel() ?? new ScalarKernel();
}
