/**
 * The hash against ChaCha12 of another library; the vector kernel against the scalar one.
 *
 * @module
 */
import { deepEqual, equal } from "node:assert/strict";
import { chacha12 } from "@noble/ciphers/chacha.js";
import { Circuit } from "../../sdk/garbling/circuit.ts";
import { hashLabel } from "../../sdk/garbling/hash.ts";
import { ScalarKernel } from "../../sdk/garbling/kernel_scalar.ts";
import { instantiateWasmKernel } from "../../sdk/garbling/kernel_wasm.ts";
import { tableBytes } from "../../sdk/garbling/tables.ts";
import { runCircuit, seededWords } from "./run_circuit.ts";

Deno.test("the gates' hash is words 4 to 7 of the ChaCha12 block function", () => {
  const next = seededWords(5);
  for (let turn = 0; turn < 20; turn++) {
    const label = Uint32Array.from({ length: 4 }, next);
    const salt = Uint32Array.from({ length: 4 }, next);
    const key = new Uint8Array(Uint32Array.of(...label, ...salt).buffer);
    const [gate, lane, domain] = [next(), next(), turn % 4];
    const nonce = new Uint8Array(Uint32Array.of(lane, domain, 0).buffer);
    const block = chacha12(key, nonce, new Uint8Array(64), undefined, gate);
    deepEqual(
      hashLabel(label, salt, [gate, lane, domain]),
      new Uint32Array(block.buffer, 16, 4),
    );
  }
});

/** A circuit with every kind of gate. */
function everyGate(): Circuit {
  const c = new Circuit(), [x, y, z] = c.word(3);
  const k = c.known();
  const both = c.and(c.xor(x, y), c.not(z));
  c.project(c.andKnown(both, k), { bits: 9, shift: 0 });
  c.project(both, { bits: 73, shift: 31 });
  c.output(c.flip(both, k), c.or(x, both), true, c.and(y, z));
  return c;
}

Deno.test("vector and scalar kernels garble and evaluate bit for bit alike", () => {
  const circuit = everyGate();
  for (const lanes of [1, 3, 4, 6, 13]) {
    const next = seededWords(lanes);
    const random = () => Uint8Array.from({ length: lanes }, () => next() & 1);
    const bits = [random(), random(), random()];
    const knowledge = {
      bits: [random()],
      values: [0, 1].map(() =>
        Uint32Array.from({ length: 4 * lanes }, () => next() | 1 << 31)
      ),
    };
    const run = (garbler: "wasm" | "scalar", evaluator: "wasm" | "scalar") => {
      const make = {
        wasm: () => instantiateWasmKernel()!,
        scalar: () => new ScalarKernel(),
      };
      const kernels = {
        garbler: make[garbler](),
        evaluator: make[evaluator](),
      };
      return runCircuit(circuit, bits, lanes, { knowledge, kernels });
    };
    const vector = run("wasm", "scalar"), scalar = run("scalar", "wasm");
    deepEqual(vector.garbled.tables, scalar.garbled.tables);
    deepEqual(vector.garbled.rows, scalar.garbled.rows);
    deepEqual(vector.clear, scalar.clear);
    deepEqual(vector.values, scalar.values);
    for (let lane = 0; lane < lanes; lane++) {
      const [x, y, z] = bits.map((b) => b[lane]);
      const k = knowledge.bits[0][lane], both = (x ^ y) & (1 - z);
      const got = [0, 1, 2, 3].map((i) => vector.clear[i * lanes + lane]);
      deepEqual(got, [both ^ k, x | both, 1, y & z]);
      const { values } = knowledge;
      const told = values[0][4 * lane] + (both & k);
      equal(vector.values[0][4 * lane], told % 512);
      // The carry runs out of the lowest word.
      const number = ([a, b, c]: Uint32Array) =>
        (BigInt(c) << 64n) + (BigInt(b) << 32n) + BigInt(a);
      const wide = values[1].subarray(4 * lane);
      equal(
        number(vector.values[1].subarray(4 * lane)),
        BigInt.asUintN(73, number(wide) + BigInt(both) * 2n ** 31n),
      );
    }
  }
});

Deno.test("tables hold the real lanes and nothing of padding", () => {
  const circuit = everyGate();
  const lanes = 5, none = new Uint8Array(lanes);
  const values = [0, 1].map(() => new Uint32Array(4 * lanes));
  const knowledge = { bits: [none], values };
  const { garbled } = runCircuit(circuit, [none, none, none], lanes, {
    knowledge,
  });
  equal(garbled.tables.length, lanes * (3 * 32 + 16));
  equal(garbled.tables.length, tableBytes(circuit, lanes));
});
