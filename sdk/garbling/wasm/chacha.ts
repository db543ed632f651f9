/**
 * The hash of garbled gates on four labels at once, one a 32-bit lane of a vector.
 *
 * @module
 */
import {
  type Code,
  type Local,
  set,
  type WasmFunction,
} from "../../paillier/wasm/assembler.ts";
import { chachaConstants, hashRounds } from "../hash.ts";
import { addI32, constant, rotateLeft, xor } from "./simd.ts";

/** Words of the state, each a vector. */
export interface HashInput {
  label: readonly Code[];
  salt: readonly Code[];
  tweak: readonly Code[];
}

/** Writes the hash's four words to vectors named `to` with 0 to 3 after it. */
export function hashCode(
  f: WasmFunction,
  to: string,
  { label, salt, tweak }: HashInput,
): Code {
  const x = Array.from({ length: 16 }, (_, i) => f.vector(`state${i}`));
  const constants = chachaConstants.map((word) =>
    constant([word, word, word, word])
  );
  const code: Code[] = [...constants, ...label, ...salt, ...tweak]
    .map((value, i) => set(x[i], value));
  for (let round = 0; round < hashRounds; round += 2) {
    for (const i of [0, 1, 2, 3]) {
      code.push(quarter(x, i, 4 + i, 8 + i, 12 + i));
    }
    for (const i of [0, 1, 2, 3]) {
      const [b, c, d] = [4 + (i + 1) % 4, 8 + (i + 2) % 4, 12 + (i + 3) % 4];
      code.push(quarter(x, i, b, c, d));
    }
  }
  for (const w of [0, 1, 2, 3]) {
    code.push(set(f.vector(to + w), addI32(x[4 + w], label[w])));
  }
  return code;
}

function quarter(x: Local[], a: number, b: number, c: number, d: number): Code {
  const half = (first: number, second: number): Code => [
    set(x[a], addI32(x[a], x[b])),
    set(x[d], xor(x[d], x[a])),
    set(x[d], rotateLeft(x[d], first)),
    set(x[c], addI32(x[c], x[d])),
    set(x[b], xor(x[b], x[c])),
    set(x[b], rotateLeft(x[b], second)),
  ];
  return [half(16, 12), half(8, 7)];
}
