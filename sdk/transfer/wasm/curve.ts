/**
 * The WebAssembly module of the curve -x^2 + y^2 = 1 + d x^2 y^2 modulo 2^255 - 19:
 * doubling and adding of points, which have no exceptions (Hisil, Wong, Carter, Dawson
 * 2008), and the choice of a multiple that reads all of them.
 *
 * @module
 */
import {
  assemble,
  call,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32And,
  i32IsZero,
  i32Load,
  i32Or,
  i32ShrS,
  i32Store,
  i32Sub,
  i32Xor,
  type Local,
  set,
  tee,
  WasmFunction,
} from "../../paillier/wasm/assembler.ts";
import {
  addFunction,
  fieldBytes,
  limbs,
  multiplyFunction,
  squareFunction,
  squareTimesFunction,
  subtractFunction,
} from "./field.ts";

/**
 * A point: X, Y, Z and T with x = X/Z, y = Y/Z, xy = T/Z. Or, ready to be added:
 * Y + X, Y - X, 2Z and 2dT.
 */
export const pointBytes = 4 * fieldBytes;
/** A point's multiples 1 to 8, ready to be added. */
export const multiples = 8;
export const multiplesBytes = multiples * pointBytes;

/** Where numbers between start, and where 2d lies; the caller's memory follows. */
export const doubleDAt = 8 * fieldBytes;
const chosenAt = doubleDAt + fieldBytes;
export const freeAt = 1024;

export interface CurveExports {
  memory: WebAssembly.Memory;
  multiply(out: number, a: number, b: number): void;
  square(out: number, a: number): void;
  add(out: number, a: number, b: number): void;
  subtract(out: number, a: number, b: number): void;
  /** a^(2^times), at least once. */
  squareTimes(out: number, a: number, times: number): void;
  /** Doubles a point in place, so many times, at least once. */
  double(point: number, times: number): void;
  /** Makes a point ready to be added. */
  prepare(out: number, point: number): void;
  /** Adds to a point, in place. */
  addPrepared(point: number, prepared: number): void;
  /** Adds `digit` times the point whose multiples lie at `table`: -8 to 8. */
  addMultiple(point: number, table: number, digit: number): void;
}

/** Places in the module. */
const functions = {
  multiply: 0,
  square: 1,
  add: 2,
  subtract: 3,
  addPrepared: 6,
} as const;

const field = (name: keyof typeof functions) => (...operands: Code[]): Code =>
  call(functions[name], ...operands);
const multiply = field("multiply"), square = field("square");
const add = field("add"), subtract = field("subtract");

/** Scratch number `i`. */
const scratch = (i: number): Code => i32(fieldBytes * i);
/** Coordinate `i` of a point. */
const of = (point: Code, i: number): Code =>
  i === 0 ? point : i32Add(point, i32(fieldBytes * i));
const [A, B, C, D, E, F, G, H] = [0, 1, 2, 3, 4, 5, 6, 7].map(scratch);

/** X = EF, Y = GH, Z = FG. */
const finish = (point: Code): Code => [
  multiply(of(point, 0), E, F),
  multiply(of(point, 1), G, H),
  multiply(of(point, 2), F, G),
];
/** T = EH; doubling does not read it. */
const finishLast = (point: Code): Code => multiply(of(point, 3), E, H);

function doubleFunction(): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [point, times] = f.parameters;
  const once = [
    square(A, of(point, 0)),
    square(B, of(point, 1)),
    square(C, of(point, 2)),
    add(C, C, C),
    add(D, of(point, 0), of(point, 1)),
    square(D, D),
    add(H, A, B),
    subtract(E, H, D),
    subtract(G, A, B),
    add(F, C, G),
    finish(point),
  ];
  f.body = [
    doWhile(once, tee(times, i32Sub(times, i32(1)))),
    finishLast(point),
  ];
  return f;
}

function prepareFunction(): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [out, point] = f.parameters;
  f.body = [
    add(of(out, 0), of(point, 1), of(point, 0)),
    subtract(of(out, 1), of(point, 1), of(point, 0)),
    add(of(out, 2), of(point, 2), of(point, 2)),
    multiply(of(out, 3), of(point, 3), i32(doubleDAt)),
  ];
  return f;
}

function addPreparedFunction(): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [point, prepared] = f.parameters;
  f.body = [
    subtract(A, of(point, 1), of(point, 0)),
    add(B, of(point, 1), of(point, 0)),
    multiply(A, A, of(prepared, 1)),
    multiply(B, B, of(prepared, 0)),
    multiply(C, of(point, 3), of(prepared, 3)),
    multiply(D, of(point, 2), of(prepared, 2)),
    subtract(E, B, A),
    subtract(F, D, C),
    add(G, D, C),
    add(H, B, A),
    finish(point),
    finishLast(point),
  ];
  return f;
}

/**
 * The neutral element, or one of the multiples, with its sign: all are read, and masked
 * but for the one that is chosen.
 */
function addMultipleFunction(): WasmFunction {
  const f = new WasmFunction([I32, I32, I32]);
  const [point, table, digit] = f.parameters;
  const sign = f.local(I32), size = f.local(I32), mask = f.local(I32);
  const entry = f.local(I32), count = f.local(I32);
  const chosen = Array.from({ length: 4 * limbs }, () => f.local(I32));
  /** All ones where they are equal. */
  const equal = (a: Code, b: Code): Code =>
    i32Sub(i32(0), i32IsZero(i32Xor(a, b)));
  // The neutral element is (1, 1, 2, 0).
  const neutral = (i: number) => [1, 1, 2][i / limbs] ?? 0;
  const [sum, difference, , twisted] = [0, 1, 2, 3].map((i) =>
    chosen.slice(i * limbs, (i + 1) * limbs)
  );
  f.body = [
    set(sign, i32ShrS(digit, i32(31))),
    set(size, i32Sub(i32Xor(digit, sign), sign)),
    set(mask, equal(size, i32(0))),
    chosen.map((limb, i) => set(limb, i32And(mask, i32(neutral(i))))),
    set(entry, table),
    set(count, i32(1)),
    doWhile([
      set(mask, equal(size, count)),
      chosen.map((limb, i) =>
        set(limb, i32Or(limb, i32And(mask, i32Load(entry, 4 * i))))
      ),
      set(entry, i32Add(entry, i32(pointBytes))),
    ], i32Sub(tee(count, i32Add(count, i32(1))), i32(multiples + 1))),
    // A negative: the first two change places, the last changes its sign.
    sum.map((limb, i) => exchange(limb, difference[i], sign, mask)),
    twisted.map((limb) => set(limb, i32Sub(i32Xor(limb, sign), sign))),
    chosen.map((limb, i) => i32Store(i32(chosenAt), 4 * i, limb)),
    call(functions.addPrepared, point, i32(chosenAt)),
  ];
  return f;
}

/** Exchanges two where the mask is all ones. */
const exchange = (a: Local, b: Local, mask: Local, scratch: Local): Code => [
  set(scratch, i32And(mask, i32Xor(a, b))),
  set(a, i32Xor(a, scratch)),
  set(b, i32Xor(b, scratch)),
];

/** The module's bytes. */
export const curveModule = (): Uint8Array<ArrayBuffer> =>
  assemble({
    multiply: multiplyFunction(),
    square: squareFunction(),
    add: addFunction(),
    subtract: subtractFunction(),
    squareTimes: squareTimesFunction(functions.square),
    prepare: prepareFunction(),
    addPrepared: addPreparedFunction(),
    double: doubleFunction(),
    addMultiple: addMultipleFunction(),
  }, 1);
