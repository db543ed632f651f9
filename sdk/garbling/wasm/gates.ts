/**
 * The WebAssembly module of gates: half gates (Zahur, Rosulek, Evans 2015) with free
 * XOR (Kolesnikov, Schneider 2008), four lanes a vector.
 *
 * @module
 */
import {
  and,
  assemble,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32Sub,
  load,
  type Local,
  set,
  store,
  tee,
  WasmFunction,
} from "../../paillier/wasm/assembler.ts";
import { domains } from "../hash.ts";
import { deltaAt, saltAt } from "../gate_kernel.ts";
import { hashCode } from "./chacha.ts";
import { addI32, constant, splatI32, subI32, xor } from "./simd.ts";

const words = [0, 1, 2, 3] as const;
const one = constant([1, 1, 1, 1]), zero = constant([0, 0, 0, 0]);
const delta = (w: number): Code => load(i32(deltaAt), 16 * w);

/** All ones in lanes whose label has colour 1. */
const colourMask = (word0: Code): Code => subI32(zero, and(word0, one));

interface Loop {
  parameters: number;
  /** Bytes by which each of the first parameters advances, a group. */
  steps: readonly number[];
  /** Which parameter counts the groups. */
  groupsAt: number;
  before?: (f: WasmFunction, p: Local[]) => Code;
  body: (f: WasmFunction, p: Local[]) => Code;
}

/** A function that does the same for each group of four lanes. */
function overGroups(loop: Loop): WasmFunction {
  const f = new WasmFunction(Array(loop.parameters).fill(I32));
  const p = f.parameters, count = p[loop.groupsAt];
  f.body = [
    loop.before?.(f, p) ?? [],
    doWhile([
      loop.body(f, p),
      loop.steps.map((step, i) =>
        step === 0 ? [] : set(p[i], i32Add(p[i], i32(step)))
      ),
    ], tee(count, i32Sub(count, i32(1)))),
  ];
  return f;
}

const label = (f: WasmFunction, name: string): Local[] =>
  words.map((w) => f.vector(name + w));
const loadLabel = (f: WasmFunction, name: string, at: Code): Code =>
  words.map((w) => set(f.vector(name + w), load(at, 16 * w)));
const toggle = (f: WasmFunction, from: string, to: string): Code =>
  words.map((w) => set(f.vector(to + w), xor(f.vector(from + w), delta(w))));

/** to = H(from); the domain is a vector. */
const hash = (f: WasmFunction, to: string, from: string, domain: Code): Code =>
  hashCode(f, to, {
    label: label(f, from),
    salt: words.map((w) => load(i32(saltAt), 16 * w)),
    tweak: [f.vector("gate"), f.vector("lane"), domain, zero],
  });
const inDomain = (domain: number): Code =>
  constant([domain, domain, domain, domain]);

const startTweaks =
  (gate: number, lane: number) => (f: WasmFunction, p: Local[]): Code => [
    set(f.vector("gate"), splatI32(p[gate])),
    set(f.vector("lane"), addI32(splatI32(p[lane]), constant([0, 1, 2, 3]))),
  ];
const nextLanes = (f: WasmFunction): Code =>
  set(f.vector("lane"), addI32(f.vector("lane"), constant([4, 4, 4, 4])));

/** Writes the ciphertext of "a AND known" and leaves its label of 0 in g0 to g3. */
const garblerHalf = (f: WasmFunction, table: Local, known: Code): Code => [
  hash(f, "g", "a", inDomain(domains.garblerHalf)),
  toggle(f, "a", "t"),
  hash(f, "h", "t", inDomain(domains.garblerHalf)),
  set(f.vector("known"), known),
  set(f.vector("colour"), colourMask(f.vector("a0"))),
  words.map((w) => [
    set(
      f.vector("c"),
      xor(
        xor(f.vector("g" + w), f.vector("h" + w)),
        and(f.vector("known"), delta(w)),
      ),
    ),
    store(table, 16 * w, f.vector("c")),
    set(
      f.vector("g" + w),
      xor(f.vector("g" + w), and(f.vector("colour"), f.vector("c"))),
    ),
  ]),
];

/** Parameters of gates with tables: a, b, out, table, groups, gate, lane. */
const tableGate = (
  steps: readonly number[],
  body: (f: WasmFunction, p: Local[]) => Code,
): WasmFunction =>
  overGroups({
    parameters: 7,
    steps,
    groupsAt: 4,
    before: startTweaks(5, 6),
    body: (f, p) => [body(f, p), nextLanes(f)],
  });

const garbleAnd = tableGate([64, 64, 64, 128], (f, [a, b, out, table]) => [
  loadLabel(f, "a", a),
  loadLabel(f, "b", b),
  garblerHalf(f, table, colourMask(f.vector("b0"))),
  hash(f, "e", "b", inDomain(domains.evaluatorHalf)),
  toggle(f, "b", "t"),
  hash(f, "h", "t", inDomain(domains.evaluatorHalf)),
  set(f.vector("colour"), colourMask(f.vector("b0"))),
  words.map((w) => [
    set(f.vector("c"), xor(f.vector("e" + w), f.vector("h" + w))),
    store(table, 64 + 16 * w, xor(f.vector("c"), f.vector("a" + w))),
    store(
      out,
      16 * w,
      xor(
        xor(f.vector("g" + w), f.vector("e" + w)),
        and(f.vector("colour"), f.vector("c")),
      ),
    ),
  ]),
]);

const evaluateAnd = tableGate([64, 64, 64, 128], (f, [a, b, out, table]) => {
  const half = (name: string, colour: string, w: number, ciphertext: Code) =>
    xor(f.vector(name + w), and(f.vector(colour), ciphertext));
  return [
    loadLabel(f, "a", a),
    loadLabel(f, "b", b),
    hash(f, "g", "a", inDomain(domains.garblerHalf)),
    hash(f, "e", "b", inDomain(domains.evaluatorHalf)),
    set(f.vector("colour"), colourMask(f.vector("a0"))),
    set(f.vector("c"), colourMask(f.vector("b0"))),
    words.map((w) => {
      const second = xor(load(table, 64 + 16 * w), f.vector("a" + w));
      return store(
        out,
        16 * w,
        xor(
          half("g", "colour", w, load(table, 16 * w)),
          half("e", "c", w, second),
        ),
      );
    }),
  ];
});

const garbleKnown = tableGate([64, 16, 64, 64], (f, [a, b, out, table]) => [
  loadLabel(f, "a", a),
  garblerHalf(f, table, load(b)),
  words.map((w) => store(out, 16 * w, f.vector("g" + w))),
]);

const evaluateKnown = tableGate([64, 0, 64, 64], (f, [a, , out, table]) => [
  loadLabel(f, "a", a),
  hash(f, "g", "a", inDomain(domains.garblerHalf)),
  set(f.vector("colour"), colourMask(f.vector("a0"))),
  words.map((w) => {
    const masked = and(f.vector("colour"), load(table, 16 * w));
    return store(out, 16 * w, xor(f.vector("g" + w), masked));
  }),
]);

/** Parameters: a, out, groups, gate, lane, domain. */
const hashWire = overGroups({
  parameters: 6,
  steps: [64, 64],
  groupsAt: 2,
  before: startTweaks(3, 4),
  body: (f, [a, out, , , , domain]) => [
    loadLabel(f, "a", a),
    hash(f, "g", "a", splatI32(domain)),
    words.map((w) => store(out, 16 * w, f.vector("g" + w))),
    nextLanes(f),
  ],
});

const xorWires = overGroups({
  parameters: 4,
  steps: [64, 64, 64],
  groupsAt: 3,
  body: (_, [a, b, out]) =>
    words.map((w) => store(out, 16 * w, xor(load(a, 16 * w), load(b, 16 * w)))),
});

const flip = overGroups({
  parameters: 4,
  steps: [64, 16, 64],
  groupsAt: 3,
  body: (f, [a, bits, out]) => [
    set(f.vector("m"), load(bits)),
    words.map((w) =>
      store(out, 16 * w, xor(load(a, 16 * w), and(f.vector("m"), delta(w))))
    ),
  ],
});

const not = overGroups({
  parameters: 3,
  steps: [64, 64],
  groupsAt: 2,
  body: (_, [a, out]) =>
    words.map((w) => store(out, 16 * w, xor(load(a, 16 * w), delta(w)))),
});

/** The module's bytes; its functions are those of `GateKernel`. */
export const gatesModule = (): Uint8Array<ArrayBuffer> =>
  assemble({
    xor: xorWires,
    flip,
    not,
    garbleAnd,
    evaluateAnd,
    garbleKnown,
    evaluateKnown,
    hash: hashWire,
  }, 1);
