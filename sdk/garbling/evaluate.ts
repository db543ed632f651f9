/**
 * Evaluating a garbled circuit in a range of lanes.
 *
 * Total: whatever tables arrive, it ends with labels and numbers in range, in the same
 * time. Only sizes, which are public, are checked.
 *
 * @module
 */
import { CipherlayerError } from "../support/errors.ts";
import type { Circuit } from "./circuit.ts";
import { loadInputs, outputLabels, setVectors } from "./garble.ts";
import type { TweakOrigin } from "./garble.ts";
import { type GateKernel, heapAt, saltAt } from "./gate_kernel.ts";
import { domains } from "./hash.ts";
import type { Labels } from "./labels.ts";
import { scheduleOf } from "./schedule.ts";
import { BitReader, fillLanes, rowBytes, tableBytes } from "./tables.ts";

export interface Evaluated {
  /** Active labels of the outputs. */
  outputs: Labels;
  /** Clear numbers of projections, [number][lane]. */
  values: Uint32Array[];
}

/**
 * Evaluates all lanes of `inputs`.
 *
 * @param inputs active labels
 * @throws {CipherlayerError} `malformed` if tables or rows have another size
 */
export function evaluate(
  kernel: GateKernel,
  circuit: Circuit,
  { inputs, tables, rows, salt, origin }: {
    inputs: Labels;
    tables: Uint8Array;
    rows: Uint8Array;
    salt: Uint32Array;
    origin: TweakOrigin;
  },
): Evaluated {
  const { places, placeOf } = scheduleOf(circuit, "evaluator");
  const { lanes, groups } = inputs, wireBytes = 64 * groups;
  checkSize("tables", tableBytes(circuit, lanes), tables.length);
  checkSize("rows", rowBytes(circuit, lanes), rows.length);
  const padsAt = heapAt + places * wireBytes;
  const tableAt = padsAt + wireBytes;
  kernel.reserve(tableAt + 2 * wireBytes);
  const { words } = kernel;
  const place = (wire: number) => heapAt + placeOf[wire] * wireBytes;
  setVectors(words, saltAt, salt);
  loadInputs(words, circuit, inputs, place);

  const ciphertexts = new Uint32Array(tables.slice().buffer);
  const clear = new BitReader(rows), values: Uint32Array[] = [];
  let next = 0;
  const loadTable = (count: number) => {
    const cut = ciphertexts.subarray(next, next += 4 * lanes * count);
    words.set(fillLanes(cut, lanes), tableAt / 4);
  };
  circuit.gates.forEach((gate, i) => {
    const tweak = [groups, origin.firstGate + i, origin.firstLane] as const;
    switch (gate.op) {
      case "xor":
        kernel.xor(place(gate.a), place(gate.b), place(gate.out), groups);
        break;
      case "zero": {
        const at = place(gate.out) / 4;
        words.fill(0, at, at + wireBytes / 4);
        break;
      }
      case "and":
        loadTable(2);
        kernel.evaluateAnd(
          place(gate.a),
          place(gate.b),
          place(gate.out),
          tableAt,
          ...tweak,
        );
        break;
      case "andKnown":
        loadTable(1);
        kernel.evaluateKnown(
          place(gate.a),
          0,
          place(gate.out),
          tableAt,
          ...tweak,
        );
        break;
      case "project": {
        const at = place(gate.a);
        kernel.hash(at, padsAt, ...tweak, domains.projection);
        const mask = 2 ** gate.bits - 1;
        values[gate.value] = Uint32Array.from({ length: lanes }, (_, lane) => {
          const word = 16 * (lane >> 2) + (lane & 3);
          const pair = [clear.read(gate.bits), clear.read(gate.bits)];
          const row = pair[words[at / 4 + word] & 1];
          return (row ^ words[padsAt / 4 + word]) & mask;
        });
      }
    }
  });
  return { outputs: outputLabels(words, circuit, lanes, place), values };
}

function checkSize(what: string, expected: number, got: number): void {
  if (got === expected) return;
  throw new CipherlayerError(
    "malformed",
    `Cannot evaluate a garbled circuit: expected ${expected} bytes of ${what}, got ${got}`,
  );
}
