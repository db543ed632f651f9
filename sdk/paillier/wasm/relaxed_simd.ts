/**
 * Tells whether this machine fuses multiply-adds.
 *
 * @module
 */
import {
  assemble,
  doWhile,
  I32,
  i32,
  i32Sub,
  load,
  madd,
  store,
  tee,
  WasmFunction,
} from "./assembler.ts";

/** As much of Node's `process` as is used. */
interface NodeProcess {
  getBuiltinModule?(name: string): { setFlagsFromString(flag: string): void };
}

/**
 * Whether `f64x2.relaxed_madd` exists here and rounds once. On machines without
 * fused multiply-add it rounds twice, and every product of the kernel would be wrong.
 * Repeated so often that the engine's optimising tier may take over.
 *
 * Node 20 has relaxed SIMD behind a flag of its engine, which is set here.
 */
export function fusesMultiplyAdd(): boolean {
  const f = new WasmFunction([I32]);
  const [times] = f.parameters;
  f.body = doWhile(
    store(
      i32(0),
      48,
      madd(load(i32(0), 0), load(i32(0), 16), load(i32(0), 32)),
    ),
    tee(times, i32Sub(times, i32(1))),
  );
  const bytes = assemble({ fuse: f }, 1);
  if (!WebAssembly.validate(bytes)) allowRelaxedSimd();
  if (!WebAssembly.validate(bytes)) return false;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { memory, fuse } = exports as unknown as {
    memory: WebAssembly.Memory;
    fuse(times: number): void;
  };
  const vectors = new Float64Array(memory.buffer);
  const factor = 2 ** 27 + 1;
  // factor^2 = 2^54 + 2^28 + 1 needs 55 bits: the 1 survives a single rounding only.
  vectors.set([factor, -factor, factor, factor]);
  vectors.set([-(2 ** 54 + 2 ** 28), 2 ** 54 + 2 ** 28], 4);
  for (let round = 0; round < 100; round++) {
    vectors.fill(0, 6, 8);
    fuse(round === 0 ? 1 : 1000);
    if (vectors[6] !== 1 || vectors[7] !== -1) return false;
  }
  return true;
}

function allowRelaxedSimd(): void {
  const { process } = globalThis as { process?: NodeProcess };
  process?.getBuiltinModule?.("node:v8")
    .setFlagsFromString("--experimental-wasm-relaxed-simd");
}
