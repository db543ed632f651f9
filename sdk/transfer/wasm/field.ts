/**
 * Arithmetic modulo p = 2^255 - 19 in WebAssembly, without a branch that depends on a
 * number.
 *
 * A number is ten signed 32-bit limbs, limb i of weight 2^ceil(25.5 i): 26 bits at even
 * places and 25 at odd ones. Products leave |limb| <= 1.1 * 2^25 at even places and
 * half of it at odd ones; sums and differences carry nothing. Operands of a product
 * may be sums of four such numbers: a column is then below 2^62.
 *
 * @module
 */
import {
  call,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32Load,
  i32Store,
  i32Sub,
  I64,
  i64,
  i64Add,
  i64Load32S,
  i64Mul,
  i64Shl,
  i64ShrS,
  i64Store32,
  i64Sub,
  type Local,
  set,
  tee,
  WasmFunction,
} from "../../paillier/wasm/assembler.ts";

export const limbs = 10;
/** Bytes of a number. */
export const fieldBytes = 4 * limbs;

const places = Array.from({ length: limbs }, (_, i) => i);
const isOdd = (place: number): boolean => place % 2 === 1;
/** Bits of a limb. */
export const limbBits = (place: number): number => isOdd(place) ? 25 : 26;

const load = (f: WasmFunction, from: Local): [Local[], Code] => {
  const to = places.map(() => f.local(I64));
  return [to, to.map((limb, i) => set(limb, i64Load32S(from, 4 * i)))];
};

const sumOf = (terms: Code[]): Code => terms.reduce((a, b) => i64Add(a, b));

/** `multiply(out, a, b)` */
export function multiplyFunction(): WasmFunction {
  const f = new WasmFunction([I32, I32, I32]);
  const [out, first, second] = f.parameters;
  const [a, loadA] = load(f, first), [b, loadB] = load(f, second);
  // What passes 2^255 comes back times 19; two odd places meet half a bit too high.
  const doubled = places.map(() => f.local(I64));
  const folded = places.map(() => f.local(I64));
  const columns = places.map((k) =>
    sumOf(places.map((i) => {
      const j = (k - i + limbs) % limbs;
      return i64Mul(
        isOdd(i) && isOdd(j) ? doubled[i] : a[i],
        i > k ? folded[j] : b[j],
      );
    }))
  );
  f.body = [
    loadA,
    loadB,
    places.filter(isOdd).map((i) => set(doubled[i], i64Add(a[i], a[i]))),
    places.map((j) => set(folded[j], i64Mul(b[j], i64(19n)))),
    reduce(f, columns, out),
  ];
  return f;
}

/** `square(out, a)` */
export function squareFunction(): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [out, from] = f.parameters;
  const [a, loadA] = load(f, from);
  const twice = places.map(() => f.local(I64));
  const fourTimes = places.map(() => f.local(I64));
  const folded = places.map(() => f.local(I64));
  const columns = places.map((k) => {
    const terms: Code[] = [];
    for (const i of places) {
      const j = (k - i + limbs) % limbs;
      if (j < i) continue;
      const times = (isOdd(i) && isOdd(j) ? 2 : 1) * (i === j ? 1 : 2);
      const left = times === 1 ? a : times === 2 ? twice : fourTimes;
      terms.push(i64Mul(left[i], i + j >= limbs ? folded[j] : a[j]));
    }
    return sumOf(terms);
  });
  f.body = [
    loadA,
    places.map((i) => [
      set(twice[i], i64Add(a[i], a[i])),
      set(folded[i], i64Mul(a[i], i64(19n))),
    ]),
    places.filter(isOdd).map((i) =>
      set(fourTimes[i], i64Add(twice[i], twice[i]))
    ),
    reduce(f, columns, out),
  ];
  return f;
}

/** Carries columns to limbs, each rounded to the nearest, in two chains side by side. */
function reduce(f: WasmFunction, columns: Code[], out: Local): Code {
  const h = places.map(() => f.local(I64)), carry = f.local(I64);
  const carryFrom = (place: number): Code => {
    const bits = limbBits(place), next = (place + 1) % limbs;
    const half = i64(1n << BigInt(bits - 1));
    const over = next === 0 ? i64Mul(carry, i64(19n)) : carry;
    return [
      set(carry, i64ShrS(i64Add(h[place], half), i64(BigInt(bits)))),
      set(h[next], i64Add(h[next], over)),
      set(h[place], i64Sub(h[place], i64Shl(carry, i64(BigInt(bits))))),
    ];
  };
  return [
    columns.map((column, k) => set(h[k], column)),
    [0, 4, 1, 5, 2, 6, 3, 7, 4, 8, 9, 0].map(carryFrom),
    h.map((limb, i) => i64Store32(out, 4 * i, limb)),
  ];
}

const limbByLimb = (
  operands: number,
  limb: (of: Code[]) => Code,
): WasmFunction => {
  const f = new WasmFunction(Array(1 + operands).fill(I32));
  const [out, ...from] = f.parameters;
  f.body = places.map((i) =>
    i32Store(out, 4 * i, limb(from.map((each) => i32Load(each, 4 * i))))
  );
  return f;
};

/** `add(out, a, b)` */
export const addFunction = (): WasmFunction =>
  limbByLimb(2, ([a, b]) => i32Add(a, b));

/** `subtract(out, a, b)` */
export const subtractFunction = (): WasmFunction =>
  limbByLimb(2, ([a, b]) => i32Sub(a, b));

/** `squareTimes(out, a, times)`: a^(2^times), at least once. */
export function squareTimesFunction(square: number): WasmFunction {
  const f = new WasmFunction([I32, I32, I32]);
  const [out, from, times] = f.parameters;
  f.body = doWhile([
    call(square, out, from),
    set(from, out),
  ], tee(times, i32Sub(times, i32(1))));
  return f;
}
