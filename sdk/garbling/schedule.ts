/**
 * A circuit as it is worked through: where its wires lie, as few places as are alive at
 * once, and its gates as numbers.
 *
 * @module
 */
import type { Circuit, Gate, Projection } from "./circuit.ts";
import { operandsOf } from "./prune.ts";

/** Plain data, so that threads can be given it. */
export interface Schedule {
  /** Places that are needed. */
  places: number;
  /** Place of each input. */
  inputs: Int32Array;
  /** Place of each output. */
  outputs: Int32Array;
  knownBits: number;
  ands: number;
  knownAnds: number;
  projections: readonly Projection[];
  /**
   * Five numbers a gate: opcode, number of the gate, then places: of a, of b (or the
   * number of what the garbler knows), of the result.
   */
  program: Int32Array;
}

/** Numbers of a gate in a program. */
export const gateNumbers = 5;

/** Of the gates in programs and digests. */
export const opcodes = {
  xor: 0,
  and: 1,
  not: 2,
  flip: 3,
  andKnown: 4,
  zero: 5,
  project: 6,
} as const satisfies Record<Gate["op"], number>;

const cache = {
  garbler: new WeakMap<Circuit, Schedule>(),
  evaluator: new WeakMap<Circuit, Schedule>(),
};

/** For the evaluator a negated or flipped wire is the same label. */
export function scheduleOf(
  circuit: Circuit,
  side: "garbler" | "evaluator",
): Schedule {
  let schedule = cache[side].get(circuit);
  if (!schedule) {
    schedule = makeSchedule(circuit, side === "evaluator");
    cache[side].set(circuit, schedule);
  }
  return schedule;
}

const isAlias = (gate: Gate) => gate.op === "not" || gate.op === "flip";

function makeSchedule(circuit: Circuit, aliases: boolean): Schedule {
  const root = Int32Array.from({ length: circuit.wires }, (_, wire) => wire);
  if (aliases) {
    for (const gate of circuit.gates) {
      if (gate.op === "not" || gate.op === "flip") {
        root[gate.out] = root[gate.a];
      }
    }
  }
  const operands = (gate: Gate): number[] => [
    ...new Set(operandsOf(gate).map((wire) => root[wire])),
  ];
  const lastUse = new Int32Array(circuit.wires).fill(-1);
  circuit.gates.forEach((gate, i) => {
    for (const wire of operands(gate)) lastUse[wire] = i;
  });
  for (const wire of circuit.outputs) {
    lastUse[root[wire]] = circuit.gates.length;
  }

  const placeOf = new Int32Array(circuit.wires).fill(-1);
  const free: number[] = [];
  let places = 0;
  const take = () => free.pop() ?? places++;
  for (let wire = 0; wire < circuit.inputs; wire++) placeOf[wire] = take();
  circuit.gates.forEach((gate, i) => {
    if (aliases && isAlias(gate)) return;
    for (const wire of operands(gate)) {
      if (lastUse[wire] === i) free.push(placeOf[wire]);
    }
    if (gate.op === "project") return;
    placeOf[gate.out] = take();
    // A result that nobody reads.
    if (lastUse[gate.out] < 0) free.push(placeOf[gate.out]);
  });
  for (let wire = 0; wire < circuit.wires; wire++) {
    placeOf[wire] = placeOf[root[wire]];
  }
  const { inputs, outputs, knownBits, ands, knownAnds, projections } = circuit;
  return {
    places,
    inputs: placeOf.slice(0, inputs),
    outputs: Int32Array.from(outputs, (wire) => placeOf[wire]),
    knownBits,
    ands,
    knownAnds,
    projections,
    program: programOf(circuit, placeOf, aliases),
  };
}

function programOf(
  { gates }: Circuit,
  placeOf: Int32Array,
  aliases: boolean,
): Int32Array {
  const program: number[] = [];
  gates.forEach((gate, i) => {
    if (aliases && isAlias(gate)) return;
    const a = gate.op === "zero" ? 0 : placeOf[gate.a];
    const b = gate.op === "xor" || gate.op === "and"
      ? placeOf[gate.b]
      : gate.op === "flip" || gate.op === "andKnown"
      ? gate.known
      : gate.op === "project"
      ? gate.value
      : 0;
    const out = gate.op === "project" ? 0 : placeOf[gate.out];
    program.push(opcodes[gate.op], i, a, b, out);
  });
  return Int32Array.from(program);
}
