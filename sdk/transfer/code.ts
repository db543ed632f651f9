/**
 * Encoding of a batch's leaves: in WebAssembly, or plainly where there are no vectors.
 *
 * @module
 */
import type { GateKernel } from "../garbling/gate_kernel.ts";
import { compileWasm } from "../garbling/wasm/compile.ts";
import {
  type CodeNumbers,
  codeNumbers,
  memoryLength,
  weight,
} from "./code_shape.ts";
import type { BatchShape } from "./batch_shape.ts";
import { type CodeExports, codeModule } from "./wasm/code.ts";

/** The code for one size; its public numbers take some 50 bytes a block. */
export interface BlockCode {
  /**
   * Outputs, four words each.
   *
   * @param lanes blocks in groups of four, word by word
   */
  encode(lanes: Uint32Array): Uint32Array;
}

let compiled: WebAssembly.Module | null | undefined;

export function makeCode(kernel: GateKernel, shape: BatchShape): BlockCode {
  if (compiled === undefined) compiled = compileWasm(codeModule());
  const numbers = codeNumbers(kernel, shape);
  return compiled ? wasmCode(compiled, numbers) : scalarCode(numbers);
}

function wasmCode(
  module: WebAssembly.Module,
  { coefficients, indices }: CodeNumbers,
): BlockCode {
  const code = new WebAssembly.Instance(module)
    .exports as unknown as CodeExports;
  const count = coefficients.length, outputs = indices.length / weight;
  const blocks = 16 * memoryLength, after = blocks + 16 * count;
  const indicesAt = after + 4 * count, out = indicesAt + 4 * indices.length;
  code.memory.grow(Math.ceil((out + 16 * outputs) / 65536));
  const words = new Uint32Array(code.memory.buffer);
  words.set(coefficients, after / 4);
  for (let i = 0; i < indices.length; i++) {
    words[indicesAt / 4 + i] = 16 * indices[i];
  }
  return {
    encode(lanes) {
      words.set(lanes, blocks / 4);
      code.untangle(blocks, count / 4);
      code.convolve(blocks, after, count);
      code.expand(blocks, indicesAt, out, outputs);
      return words.slice(out / 4, out / 4 + 4 * outputs);
    },
  };
}

/** The same in plain JavaScript. */
export function scalarCode({ coefficients, indices }: CodeNumbers): BlockCode {
  return {
    encode(lanes) {
      const count = coefficients.length, first = 4 * memoryLength;
      const blocks = new Uint32Array(first + 4 * count);
      for (let block = 0; block < count; block++) {
        const lane = 16 * (block >> 2) + (block & 3), at = first + 4 * block;
        for (let w = 0; w < 4; w++) {
          let sum = lanes[lane + 4 * w] ^ blocks[at - 4 + w];
          for (let j = 0; j < memoryLength - 1; j++) {
            const mask = -(coefficients[block] >>> j & 1);
            sum ^= mask & blocks[at - first + 4 * j + w];
          }
          blocks[at + w] = sum;
        }
      }
      const outputs = new Uint32Array(4 * indices.length / weight);
      indices.forEach((block, i) => {
        const to = 4 * Math.floor(i / weight), from = first + 4 * block;
        for (let w = 0; w < 4; w++) outputs[to + w] ^= blocks[from + w];
      });
      return outputs;
    },
  };
}
