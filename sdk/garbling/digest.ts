/**
 * The digest of circuits: what a request's seed must cover beside token and body.
 *
 * Two builds that number gates otherwise, garbling one request under one salt, give
 * Delta away; with the digest in the seed their salts differ.
 *
 * @module
 */
import { sha256 } from "@noble/hashes/sha2.js";
import type { Circuit, Gate } from "./circuit.ts";
import { hashRounds } from "./hash.ts";
import { opcodes } from "./schedule.ts";

/** Changes with anything about garbling that gate lists do not say. */
const formatVersion = 2;

/**
 * SHA-256 of the circuits of a call in order, with their lanes.
 *
 * @param places where each circuit's inputs come from, and the rule of chunks: lists,
 * each hashed with its length
 */
export function circuitDigest(
  circuits: readonly { circuit: Circuit; lanes: number }[],
  places: readonly Int32Array[],
): Uint8Array {
  const hash = sha256.create();
  const add = (...numbers: number[]) => addAll(Int32Array.from(numbers));
  const addAll = (numbers: Int32Array) => {
    const { buffer, byteOffset, byteLength } = littleEndian
      ? numbers
      : numbers.map(swapBytes);
    hash.update(new Uint8Array(buffer, byteOffset, byteLength));
  };
  add(formatVersion, hashRounds, circuits.length);
  for (const { circuit, lanes } of circuits) {
    add(lanes, circuit.inputs, circuit.knownBits, circuit.gates.length);
    for (const { bits, shift } of circuit.projections) add(bits, shift);
    addAll(Int32Array.from(circuit.gates.flatMap(gateNumbers)));
    add(circuit.outputs.length, ...circuit.outputs);
  }
  for (const list of places) {
    add(list.length);
    addAll(list);
  }
  return hash.digest();
}

function gateNumbers(gate: Gate): number[] {
  const op = opcodes[gate.op];
  switch (gate.op) {
    case "xor":
    case "and":
      return [op, gate.a, gate.b, gate.out];
    case "not":
      return [op, gate.a, gate.out];
    case "flip":
    case "andKnown":
      return [op, gate.a, gate.known, gate.out];
    case "zero":
      return [op, gate.out];
    case "project":
      return [op, gate.a, gate.value];
  }
}

const littleEndian = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;
const swapBytes = (n: number): number =>
  n >>> 24 | n >>> 8 & 0xff00 | n << 8 & 0xff0000 | n << 24;
