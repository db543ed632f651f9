/**
 * Evaluating a garbled circuit in a range of lanes.
 *
 * Total: whatever tables arrive, it ends with labels and numbers in range, in the same
 * time. Only sizes, which are public, are checked.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";
import { projectionWords } from "./circuit.ts";
import {
  loadInputs,
  outputLabels,
  setVectors,
  type TweakOrigin,
} from "./garble.ts";
import { type GateKernel, heapAt, saltAt } from "./gate_kernel.ts";
import { domains } from "./hash.ts";
import type { Labels } from "./labels.ts";
import { gateNumbers, opcodes, type Schedule } from "./schedule.ts";
import { BitReader, fillLanes, rowBytes, tableBytes } from "./tables.ts";

export interface Evaluated {
  /** Active labels of the outputs. */
  outputs: Labels;
  /** Clear numbers of projections, [number][lane], `projectionWords` words each. */
  values: Uint32Array[];
}

/** Some lanes of a garbled circuit, to be evaluated. */
export interface EvaluatorLanes {
  /** Active labels. */
  inputs: Labels;
  tables: Uint8Array;
  rows: Uint8Array;
  salt: Uint32Array;
  origin: TweakOrigin;
}

/**
 * Evaluates all lanes of `inputs`.
 *
 * @param circuit as the evaluator schedules it
 * @throws {CipherlayerError} `malformed` if tables or rows have another size
 */
export function evaluate(
  kernel: GateKernel,
  circuit: Schedule,
  { inputs, tables, rows, salt, origin }: EvaluatorLanes,
): Evaluated {
  const { places, program } = circuit;
  const { lanes, groups } = inputs, wireBytes = 64 * groups;
  checkSize("tables", tableBytes(circuit, lanes), tables.length);
  checkSize("rows", rowBytes(circuit, lanes), rows.length);
  const padsAt = heapAt + places * wireBytes;
  const tableAt = padsAt + wireBytes;
  kernel.reserve(tableAt + 2 * wireBytes);
  const { words } = kernel;
  setVectors(words, saltAt, salt);
  loadInputs(words, circuit, inputs);

  const ciphertexts = wordsOf(tables);
  const clear = new BitReader(rows), values: Uint32Array[] = [];
  let next = 0;
  const loadTable = (count: number) => {
    const cut = ciphertexts.subarray(next, next += 4 * lanes * count);
    words.set(fillLanes(cut, lanes), tableAt / 4);
  };
  const { firstGate, firstLane } = origin;
  for (let at = 0; at < program.length; at += gateNumbers) {
    const gate = firstGate + program[at + 1];
    const a = heapAt + program[at + 2] * wireBytes;
    const b = heapAt + program[at + 3] * wireBytes;
    const out = heapAt + program[at + 4] * wireBytes;
    switch (program[at]) {
      case opcodes.xor:
        kernel.xor(a, b, out, groups);
        break;
      case opcodes.zero:
        words.fill(0, out / 4, (out + wireBytes) / 4);
        break;
      case opcodes.and:
        loadTable(2);
        kernel.evaluateAnd(a, b, out, tableAt, groups, gate, firstLane);
        break;
      case opcodes.andKnown:
        loadTable(1);
        kernel.evaluateKnown(a, 0, out, tableAt, groups, gate, firstLane);
        break;
      case opcodes.project: {
        const number = program[at + 3], { bits } = circuit.projections[number];
        kernel.hash(a, padsAt, groups, gate, firstLane, domains.projection);
        const told = new Uint32Array(projectionWords * lanes);
        for (let lane = 0; lane < lanes; lane++) {
          const first = 16 * (lane >> 2) + (lane & 3);
          const colour = words[a / 4 + first] & 1;
          const at = projectionWords * lane;
          for (const row of [0, 1]) {
            for (let w = 0; 32 * w < bits; w++) {
              const left = Math.min(32, bits - 32 * w);
              const pad = words[padsAt / 4 + first + 4 * w];
              const value = (clear.read(left) ^ pad) & ~0 >>> (32 - left);
              if (row === colour) told[at + w] = value;
            }
          }
        }
        values[number] = told;
      }
    }
  }
  return { outputs: outputLabels(words, circuit, lanes), values };
}

function checkSize(what: string, expected: number, got: number): void {
  if (got === expected) return;
  throw new CipherlayerError(
    "malformed",
    `Cannot evaluate a garbled circuit: expected ${expected} bytes of ${what}, got ${got}`,
  );
}

/** The same bytes as words; copied only where they do not lie on a word's start. */
function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : bytes.slice();
  return new Uint32Array(
    aligned.buffer,
    aligned.byteOffset,
    aligned.length / 4,
  );
}
