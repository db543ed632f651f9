/**
 * Garbling a circuit in a range of lanes.
 *
 * A pure function of its arguments: threads may take separate ranges. Gate and
 * lane numbers are those of the whole call: one tweak twice under one salt gives Delta
 * away.
 *
 * @module
 */
import { projectionWords } from "./circuit.ts";
import { deltaAt, type GateKernel, heapAt, saltAt } from "./gate_kernel.ts";
import { domains } from "./hash.ts";
import { Labels } from "./labels.ts";
import { gateNumbers, opcodes, type Schedule } from "./schedule.ts";
import { BitWriter, cutLanes, rowBytes, tableBytes } from "./tables.ts";

/** What only the garbler knows: [number][lane]. */
export interface Knowledge {
  /** 0 or 1. */
  bits: readonly Uint8Array[];
  /** Numbers that projections add to, `projectionWords` words each. */
  values: readonly Uint32Array[];
}

/** Of the whole call. */
export interface GarblerSecrets {
  /** Four words, the lowest bit 1. */
  delta: Uint32Array;
  /** Four words; public, and never for two garblings. */
  salt: Uint32Array;
}

/** Where a range of lanes lies in the whole call. */
export interface TweakOrigin {
  firstGate: number;
  /** A multiple of four. */
  firstLane: number;
}

export interface Garbled {
  /** As they travel. */
  tables: Uint8Array;
  /** Rows of projections, packed. */
  rows: Uint8Array;
  /** Labels of 0 of the outputs. */
  outputs: Labels;
}

/** Some lanes of a circuit, to be garbled. */
export interface GarblerLanes {
  /** Labels of 0. */
  inputs: Labels;
  /** For these lanes alone. */
  knowledge: Knowledge;
  secrets: GarblerSecrets;
  origin: TweakOrigin;
}

/**
 * Garbles all lanes of `inputs`.
 *
 * @param circuit as the garbler schedules it
 */
export function garble(
  kernel: GateKernel,
  circuit: Schedule,
  { inputs, knowledge, secrets, origin }: GarblerLanes,
): Garbled {
  const { places, program } = circuit;
  const { lanes, groups } = inputs, wireBytes = 64 * groups;
  const knownAt = heapAt + places * wireBytes;
  const oneAt = knownAt + 16 * groups * circuit.knownBits;
  const padsAt = oneAt + wireBytes;
  const tablesAt = padsAt + 2 * wireBytes;
  const perGroup = 128 * circuit.ands + 64 * circuit.knownAnds;
  kernel.reserve(tablesAt + groups * perGroup);
  const { words } = kernel;
  const known = (k: number) => knownAt + 16 * groups * k;
  setVectors(words, deltaAt, secrets.delta);
  setVectors(words, saltAt, secrets.salt);
  loadInputs(words, circuit, inputs);
  for (let k = 0; k < circuit.knownBits; k++) {
    const at = known(k) / 4, bits = knowledge.bits[k];
    for (let lane = 0; lane < 4 * groups; lane++) {
      words[at + lane] = lane < lanes ? -bits[lane] : 0;
    }
  }

  const rows = new BitWriter(8 * rowBytes(circuit, lanes));
  let table = tablesAt;
  const { firstGate, firstLane } = origin;
  for (let at = 0; at < program.length; at += gateNumbers) {
    const gate = firstGate + program[at + 1], operand = program[at + 3];
    const a = heapAt + program[at + 2] * wireBytes;
    const b = heapAt + operand * wireBytes;
    const out = heapAt + program[at + 4] * wireBytes;
    switch (program[at]) {
      case opcodes.xor:
        kernel.xor(a, b, out, groups);
        break;
      case opcodes.not:
        kernel.not(a, out, groups);
        break;
      case opcodes.flip:
        kernel.flip(a, known(operand), out, groups);
        break;
      case opcodes.zero:
        words.fill(0, out / 4, (out + wireBytes) / 4);
        break;
      case opcodes.and:
        kernel.garbleAnd(a, b, out, table, groups, gate, firstLane);
        table += 128 * groups;
        break;
      case opcodes.andKnown:
        kernel.garbleKnown(
          a,
          known(operand),
          out,
          table,
          groups,
          gate,
          firstLane,
        );
        table += 64 * groups;
        break;
      case opcodes.project: {
        const values = knowledge.values[operand];
        const projection = circuit.projections[operand];
        const domain = domains.projection;
        kernel.not(a, oneAt, groups);
        kernel.hash(a, padsAt, groups, gate, firstLane, domain);
        kernel.hash(
          oneAt,
          padsAt + wireBytes,
          groups,
          gate,
          firstLane,
          domain,
        );
        for (let lane = 0; lane < lanes; lane++) {
          const first = 16 * (lane >> 2) + (lane & 3);
          const value = values.subarray(
            projectionWords * lane,
            projectionWords * (lane + 1),
          );
          const zero = rowOf(value, words, padsAt / 4 + first);
          const sum = plusPower(value, projection.shift);
          const one = rowOf(sum, words, (padsAt + wireBytes) / 4 + first);
          const colour = words[a / 4 + first] & 1;
          writeRow(rows, colour ? one : zero, projection.bits);
          writeRow(rows, colour ? zero : one, projection.bits);
        }
      }
    }
  }
  const tables = tableWords(words, tablesAt, circuit, { groups, lanes });
  return {
    tables,
    rows: rows.bytes,
    outputs: outputLabels(words, circuit, lanes),
  };
}

/** A number under the pad whose words lie four apart from `pad` on. */
const rowOf = (value: Uint32Array, words: Uint32Array, pad: number) =>
  value.map((word, w) => word ^ words[pad + 4 * w]);

function plusPower(value: Uint32Array, shift: number): Uint32Array {
  const sum = value.slice();
  let carry = 2 ** (shift & 31);
  for (let w = shift >> 5; w < sum.length && carry > 0; w++) {
    const total = sum[w] + carry;
    sum[w] = total;
    carry = total >= 2 ** 32 ? 1 : 0;
  }
  return sum;
}

function writeRow(rows: BitWriter, row: Uint32Array, bits: number): void {
  for (let w = 0; 32 * w < bits; w++) {
    const left = Math.min(32, bits - 32 * w);
    rows.write(left === 32 ? row[w] : row[w] & (2 ** left - 1), left);
  }
}

/** Gate by gate, cut to the lanes that are real. */
function tableWords(
  words: Uint32Array,
  tablesAt: number,
  circuit: Schedule,
  { groups, lanes }: { groups: number; lanes: number },
): Uint8Array {
  const tables = new Uint32Array(tableBytes(circuit, lanes) / 4);
  let from = tablesAt / 4, to = 0;
  for (let at = 0; at < circuit.program.length; at += gateNumbers) {
    const op = circuit.program[at];
    if (op !== opcodes.and && op !== opcodes.andKnown) continue;
    const size = (op === opcodes.and ? 32 : 16) * groups;
    const cut = cutLanes(words.subarray(from, from + size), lanes);
    tables.set(cut, to);
    from += size;
    to += cut.length;
  }
  return new Uint8Array(tables.buffer);
}

/** A label or salt, each word in all four lanes. */
export function setVectors(
  words: Uint32Array,
  at: number,
  value: Uint32Array,
): void {
  for (let w = 0; w < 4; w++) {
    words.fill(value[w], at / 4 + 4 * w, at / 4 + 4 * w + 4);
  }
}

/** Copies the inputs' labels to their places. */
export function loadInputs(
  words: Uint32Array,
  { inputs: places }: Schedule,
  inputs: Labels,
): void {
  if (inputs.wires !== places.length) {
    throw new RangeError(
      `Cannot work through a circuit: expected ${places.length} input wires, got ${inputs.wires}`,
    );
  }
  const size = 16 * inputs.groups;
  places.forEach((place, wire) => {
    const from = inputs.words.subarray(size * wire, size * (wire + 1));
    words.set(from, heapAt / 4 + size * place);
  });
}

/** Copies the outputs' labels out of the kernel's memory. */
export function outputLabels(
  words: Uint32Array,
  { outputs: places }: Schedule,
  lanes: number,
): Labels {
  const labels = new Labels(places.length, lanes);
  const size = 16 * labels.groups;
  places.forEach((place, i) => {
    const at = heapAt / 4 + size * place;
    labels.words.set(words.subarray(at, at + size), size * i);
  });
  return labels;
}
