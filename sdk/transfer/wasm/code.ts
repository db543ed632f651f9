/**
 * The WebAssembly module of the expand-convolute code, on blocks of 128 bits.
 *
 * @module
 */
import {
  and,
  assemble,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32And,
  i32Load,
  i32ShrU,
  i32Sub,
  load,
  set,
  store,
  tee,
  WasmFunction,
} from "../../paillier/wasm/assembler.ts";
import {
  constant,
  pickWords,
  splatI32,
  subI32,
  xor,
} from "../../garbling/wasm/simd.ts";
import { memoryLength, weight } from "../code_shape.ts";

export interface CodeExports {
  memory: WebAssembly.Memory;
  /** In place; `memoryLength` blocks of zeros lie before `blocks`. */
  convolve(blocks: number, coefficients: number, count: number): void;
  /** `indices`: byte offsets, `weight` for each output. */
  expand(blocks: number, indices: number, out: number, count: number): void;
  /** In place: groups of four lanes, word by word, become four blocks. */
  untangle(blocks: number, groups: number): void;
}

const zero = constant([0, 0, 0, 0]);

function convolve(): WasmFunction {
  const f = new WasmFunction([I32, I32, I32]);
  const [at, coefficients, count] = f.parameters;
  const chosen = f.local(I32), history = f.local(I32), sum = f.vector("sum");
  const terms: Code[] = Array.from({ length: memoryLength - 1 }, (_, j) => {
    const bit = i32And(i32ShrU(chosen, i32(j)), i32(1));
    const mask = subI32(zero, splatI32(bit));
    return set(sum, xor(sum, and(mask, load(history, 16 * j))));
  });
  f.body = doWhile([
    set(chosen, i32Load(coefficients)),
    set(history, i32Sub(at, i32(16 * memoryLength))),
    set(sum, xor(load(at), load(history, 16 * (memoryLength - 1)))),
    terms,
    store(at, 0, sum),
    set(at, i32Add(at, i32(16))),
    set(coefficients, i32Add(coefficients, i32(4))),
  ], tee(count, i32Sub(count, i32(1))));
  return f;
}

function expand(): WasmFunction {
  const f = new WasmFunction([I32, I32, I32, I32]);
  const [blocks, indices, out, count] = f.parameters;
  const term = (j: number) => load(i32Add(blocks, i32Load(indices, 4 * j)));
  let sum = term(0);
  for (let j = 1; j < weight; j++) sum = xor(sum, term(j));
  f.body = doWhile([
    store(out, 0, sum),
    set(out, i32Add(out, i32(16))),
    set(indices, i32Add(indices, i32(4 * weight))),
  ], tee(count, i32Sub(count, i32(1))));
  return f;
}

function untangle(): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [at, groups] = f.parameters;
  const [p, q, r, s] = ["p", "q", "r", "s"].map((name) => f.vector(name));
  const pick = (first: number, places: number[]) =>
    pickWords(load(at, first), load(at, first + 16), places);
  f.body = doWhile([
    set(p, pick(0, [0, 4, 1, 5])),
    set(q, pick(32, [0, 4, 1, 5])),
    set(r, pick(0, [2, 6, 3, 7])),
    set(s, pick(32, [2, 6, 3, 7])),
    store(at, 0, pickWords(p, q, [0, 1, 4, 5])),
    store(at, 16, pickWords(p, q, [2, 3, 6, 7])),
    store(at, 32, pickWords(r, s, [0, 1, 4, 5])),
    store(at, 48, pickWords(r, s, [2, 3, 6, 7])),
    set(at, i32Add(at, i32(64))),
  ], tee(groups, i32Sub(groups, i32(1))));
  return f;
}

/** The module's bytes. */
export const codeModule = (): Uint8Array<ArrayBuffer> =>
  assemble(
    { convolve: convolve(), expand: expand(), untangle: untangle() },
    1,
  );
