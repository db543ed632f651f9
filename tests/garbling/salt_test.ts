/**
 * What must never share a salt: the review's attacks on the gates, as regressions.
 *
 * @module
 */
import { deepEqual, notDeepEqual, ok } from "node:assert/strict";
import { Circuit } from "../../sdk/garbling/circuit.ts";
import { unmask } from "../../sdk/garbling/circuits/shares.ts";
import { circuitDigest } from "../../sdk/garbling/digest.ts";
import { garble } from "../../sdk/garbling/garble.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import { scheduleOf } from "../../sdk/garbling/schedule.ts";
import { seededWords } from "./run_circuit.ts";

const kernel = makeKernel(), next = seededWords(11);
const four = () => Uint32Array.from({ length: 4 }, next);
const delta = four().map((word, i) => i === 0 ? word | 1 : word);
const randomLabels = (wires: number, lanes: number) => {
  const labels = new Labels(wires, lanes);
  return new Labels(wires, lanes, labels.words.map(() => next()));
};

interface Call {
  circuit: Circuit;
  inputs: Labels;
  salt: Uint32Array;
  firstLane?: number;
}
const tablesOf = ({ circuit, inputs, salt, firstLane = 0 }: Call) => {
  const bits = Array.from(
    { length: circuit.knownBits },
    () => Uint8Array.from({ length: inputs.lanes }, () => next() & 1),
  );
  const values = circuit.projections.map(() =>
    new Uint32Array(4 * inputs.lanes)
  );
  return garble(kernel, scheduleOf(circuit, "garbler"), {
    inputs,
    knowledge: { bits, values },
    secrets: { delta, salt },
    origin: { firstGate: 0, firstLane },
  }).tables;
};

/** Ciphertexts of a group of four lanes. */
function ciphertexts(tables: Uint8Array): Uint32Array[] {
  const words = new Uint32Array(tables.buffer);
  return Array.from({ length: words.length / 4 }, (_, i) => {
    const first = 16 * (i >> 2) + (i & 3);
    return Uint32Array.from([0, 4, 8, 12], (w) => words[first + w]);
  });
}

/** Pairs of ciphertexts that XOR to Delta. */
function deltaPairs(first: Uint8Array, second: Uint8Array): number {
  const others = ciphertexts(second);
  return ciphertexts(first).reduce(
    (pairs, a) =>
      pairs +
      others.filter((b) => b.every((word, i) => (a[i] ^ word ^ delta[i]) === 0))
        .length,
    0,
  );
}

/** Six bits beside six others that the garbler knows. */
function sixBits(): Circuit {
  const c = new Circuit(), words = [c.word(6), c.word(6)];
  c.output(...words.flatMap((word) => unmask(c, word)));
  return c;
}

/** Fresh labels, but zeros (the public constant 0) in the first word. */
function withConstantWord(): Labels {
  const labels = randomLabels(12, 4);
  labels.words.fill(0, 0, labels.words.length / 2);
  return labels;
}

Deno.test("one salt for two choices gives Delta away, a salt for each does not", () => {
  const circuit = new Circuit();
  circuit.output(...unmask(circuit, circuit.word(8)));
  const inputs = randomLabels(8, 4), salt = four();
  const again = new Labels(8, 4, inputs.words.slice());
  for (let lane = 0; lane < 4; lane++) {
    const label = again.get(3, lane).map((word, i) => word ^ delta[i]);
    again.set(3, lane, label);
  }
  const first = tablesOf({ circuit, inputs, salt });
  ok(deltaPairs(first, tablesOf({ circuit, inputs: again, salt })) > 0);
  const salted = tablesOf({ circuit, inputs: again, salt: four() });
  deepEqual(deltaPairs(first, salted), 0);
});

Deno.test("chunks that count lanes from 0 give Delta away, global lanes do not", () => {
  const circuit = sixBits(), salt = four();
  const chunk = (firstLane: number) =>
    tablesOf({ circuit, inputs: withConstantWord(), salt, firstLane });
  const first = chunk(0);
  ok(deltaPairs(first, chunk(0)) > 0);
  deepEqual(deltaPairs(first, chunk(4)), 0);
});

Deno.test("the digest tells circuits with other gate numbers, lanes or places apart", () => {
  const build = (swapped: boolean) => {
    const c = new Circuit(), [x, y, z] = c.word(3);
    const pairs = [[x, y], [x, z]];
    if (swapped) pairs.reverse();
    c.output(...pairs.map(([a, b]) => c.and(a, b)));
    return c;
  };
  const digest = (c: Circuit, lanes = 4, places: Int32Array[] = []) =>
    circuitDigest([{ circuit: c, lanes }], places);
  const first = digest(build(false));
  deepEqual(digest(build(false)), first);
  notDeepEqual(digest(build(true)), first);
  notDeepEqual(digest(build(false), 5), first);
  notDeepEqual(digest(build(false), 4, [Int32Array.of(1)]), first);
});
