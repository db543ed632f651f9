/**
 * Leaving out gates whose results nobody reads.
 *
 * @module
 */
import { Circuit, type Gate } from "./circuit.ts";

/** The same circuit without them. Wires and known bits keep their numbers. */
export function prune(circuit: Circuit): Circuit {
  const read = new Uint8Array(circuit.wires);
  for (const wire of circuit.outputs) read[wire] = 1;
  const kept = circuit.gates.toReversed().filter((gate) => {
    if (gate.op !== "project" && !read[gate.out]) return false;
    for (const wire of operandsOf(gate)) read[wire] = 1;
    return true;
  });
  const pruned = new Circuit();
  const { inputs, knownBits, wires } = circuit;
  Object.assign(pruned, { inputs, knownBits, wires });
  pruned.gates.push(...kept.reverse());
  pruned.outputs.push(...circuit.outputs);
  pruned.projections.push(...circuit.projections);
  const count = (op: Gate["op"]) =>
    kept.filter((gate) => gate.op === op).length;
  pruned.ands = count("and");
  pruned.knownAnds = count("andKnown");
  return pruned;
}

/** Wires that a gate reads. */
export function operandsOf(gate: Gate): readonly number[] {
  switch (gate.op) {
    case "zero":
      return [];
    case "xor":
    case "and":
      return [gate.a, gate.b];
    default:
      return [gate.a];
  }
}
