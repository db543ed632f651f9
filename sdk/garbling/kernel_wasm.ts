/**
 * Gates in WebAssembly: an instance of the module and its memory.
 *
 * @module
 */
import type { GateKernel } from "./gate_kernel.ts";
import { compileWasm } from "./wasm/compile.ts";
import { gatesModule } from "./wasm/gates.ts";

type Functions = Omit<GateKernel, "words" | "reserve">;
interface Exports extends Functions {
  memory: WebAssembly.Memory;
}

let compiled: WebAssembly.Module | null | undefined;

/** A kernel with its own memory; null where vectors are not supported. */
export function instantiateWasmKernel(): GateKernel | null {
  if (compiled === undefined) compiled = compileWasm(gatesModule());
  if (!compiled) return null;
  const { memory, ...functions } = new WebAssembly.Instance(compiled)
    .exports as unknown as Exports;
  let words = new Uint32Array(memory.buffer);
  return {
    ...functions,
    get words() {
      return words;
    },
    reserve(bytes) {
      const missing = bytes - memory.buffer.byteLength;
      if (missing <= 0) return;
      memory.grow(Math.ceil(missing / 65536));
      words = new Uint32Array(memory.buffer);
    },
  };
}
