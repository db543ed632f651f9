/**
 * Emits the functions that turn words into balanced digits and back.
 *
 * @module
 */
import {
  add,
  addI64,
  call,
  type Code,
  doWhile,
  drop,
  F64,
  f64,
  f64Add,
  f64Floor,
  f64FromI64,
  f64Load,
  f64Lt,
  f64Mul,
  f64Nearest,
  f64Store,
  f64Sub,
  I32,
  i32,
  i32Add,
  i32And,
  i32LtU,
  i32Mul,
  i32ShrU,
  i32Sub,
  I64,
  i64,
  i64Add,
  i64And,
  i64FromF64,
  i64FromU32,
  i64Load,
  i64LoadBigEndian,
  i64Or,
  i64Shl,
  i64ShrS,
  i64ShrU,
  i64Store,
  i64Sub,
  load,
  type Local,
  madd,
  mul,
  set,
  splat,
  splatI64,
  store,
  sub,
  subI64,
  tee,
  WasmFunction,
  when,
} from "./assembler.ts";
import { highStart, lowStart } from "./columns.ts";
import type { Layout } from "./memory_layout.ts";

const bitsOf = (value: number) =>
  new BigInt64Array(new Float64Array([value]).buffer)[0];
const limbMask = ({ format }: Layout) => (1n << BigInt(format.bits)) - 1n;
const limbBase = ({ format }: Layout) => 2 ** format.bits;

/**
 * `unpack(to, words)`: the input as words of n balanced digits, word i as the
 * register (word, 0) at to + i * registerBytes. Carries run through all words, so that
 * every word lies within +-R/2. Big-endian inputs end at `inputEnd` with zeros
 * before them; little-endian ones begin at `integer` with zeros after them.
 */
export function unpackFunction(
  at: Layout,
  order: "big-endian" | "little-endian",
): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [to, words] = f.parameters, limbBits = at.format.bits;
  const bit = f.local(I32), end = f.local(I32);
  const value = f.local(I64), carry = f.local(I64);
  const byte = i32ShrU(bit, i32(3));
  const eightBytes = order === "big-endian"
    ? i64LoadBigEndian(i32Sub(i32(at.inputEnd - 8), byte))
    : i64Load(byte, at.integer);
  f.body = doWhile([
    set(end, i32Add(to, i32(8 * at.n))),
    doWhile([
      set(
        value,
        i64Add(
          i64And(
            i64ShrU(eightBytes, i64FromU32(i32And(bit, i32(7)))),
            i64(limbMask(at)),
          ),
          carry,
        ),
      ),
      set(
        carry,
        i64ShrU(
          i64Add(value, i64(1n << BigInt(limbBits - 1))),
          i64(BigInt(limbBits)),
        ),
      ),
      f64Store(
        to,
        0,
        f64FromI64(i64Sub(value, i64Shl(carry, i64(BigInt(limbBits))))),
      ),
      f64Store(to, 8 * at.n, f64(0)),
      set(bit, i32Add(bit, i32(limbBits))),
    ], i32LtU(tee(to, i32Add(to, i32(8))), end)),
    set(to, i32Add(to, i32(8 * at.n))),
  ], tee(words, i32Sub(words, i32(1))));
  return f;
}

/**
 * `propagate(digits, multiple, modulus) -> top`: adds multiple * modulus to n digits and
 * carries. Digits end in [0, 2^b), or balanced; the last one takes
 * what is left and is returned: unless balanced, its sign is the number's. The sum of a
 * digit, its multiple and a carry must stay below 2^53.
 */
export function propagateFunction(at: Layout, balanced: boolean): WasmFunction {
  const f = new WasmFunction([I32, F64, I32], [F64]);
  const [digits, multiple, modulus] = f.parameters;
  const last = f.local(I32), value = f.local(F64), carry = f.local(F64);
  const sum = f64Add(
    f64Add(f64Load(digits), f64Mul(multiple, f64Load(modulus))),
    carry,
  );
  const scaled = f64Mul(value, f64(1 / limbBase(at)));
  f.body = [
    set(last, i32Add(digits, i32(8 * (at.n - 1)))),
    doWhile([
      set(value, sum),
      set(carry, f64Floor(balanced ? f64Add(scaled, f64(0.5)) : scaled)),
      f64Store(digits, 0, f64Sub(value, f64Mul(carry, f64(limbBase(at))))),
      set(modulus, i32Add(modulus, i32(8))),
    ], i32LtU(tee(digits, i32Add(digits, i32(8))), last)),
    f64Store(digits, 0, tee(value, sum)),
    value,
  ];
  return f;
}

/**
 * `combine(words, constants, powers, target)`: target = sum word_i * power_i / R over the words at
 * `scratch`, an even number of them, both lanes working modulo the same M.
 *
 * A word lies within +-R/2 and a constant's parts in [0, M), so each product has |a|
 * and |b| below M/2 + M/2 + 2 (see the bounds in `sweeps.ts`; a word's own b is 0). Up to
 * ten of them are added digit by digit (at most 10 * 2^(b-1)) and balanced, and the nearest
 * multiple of M, found from the leading digits, is subtracted: at most 10 M, whose
 * digits are again at most 10 * 2^(b-1). That leaves |a|, |b| <= (1/2 + 2^-40) M, well inside the set
 * that products stay in.
 */
export function combineFunction(
  at: Layout,
  multiplyIndex: number,
  propagateBalanced: number,
): WasmFunction {
  const f = new WasmFunction([I32, I32, I32, I32]);
  const [words, constants, powers, target] = f.parameters;
  const { n, registerBytes, scratch } = at;
  const word = f.local(I32), end = f.local(I32), to = f.local(I32);
  const next = f.local(I32), sum = f.vector("sum"), multiple = f.local(F64);
  const second = (address: Local) => i32Add(address, i32(registerBytes));
  const propagate = (offset: number, multiple: Code): Code =>
    drop(call(
      propagateBalanced,
      i32Add(target, i32(offset)),
      multiple,
      i32Add(constants, i32(at.plainModulus)),
    ));
  const normalise = (offset: number): Code => {
    const digit = (j: number) => f64Load(target, offset + 8 * j);
    let leading = digit(n - 1);
    for (let j = n - 2; j >= n - at.leading; j--) {
      leading = f64Add(f64Mul(leading, f64(limbBase(at))), digit(j));
    }
    return [
      propagate(offset, f64(0)),
      set(
        multiple,
        f64Sub(
          f64(0),
          f64Nearest(f64Mul(leading, f64Load(constants, at.inverse))),
        ),
      ),
      propagate(offset, multiple),
    ];
  };
  f.body = [
    set(word, i32(scratch)),
    set(end, i32Add(word, i32Mul(words, i32(registerBytes)))),
    doWhile([
      call(
        multiplyIndex,
        ...[word, second(word), powers, second(powers), word, second(word)],
      ),
      set(powers, i32Add(powers, i32(2 * registerBytes))),
      set(word, i32Add(word, i32(2 * registerBytes))),
    ], i32LtU(word, end)),
    // The sums, two digits of one register at a time.
    set(to, i32(0)),
    doWhile([
      set(sum, load(to, scratch)),
      set(next, i32Add(to, i32(scratch + registerBytes))),
      doWhile(
        set(sum, add(sum, load(next))),
        i32LtU(tee(next, i32Add(next, i32(registerBytes))), end),
      ),
      store(i32Add(target, to), 0, sum),
      set(to, i32Add(to, i32(16))),
    ], i32LtU(to, i32(registerBytes))),
    normalise(0),
    // a + b M = (a + f M) + (b - f) M
    f64Store(target, 8 * n, f64Sub(f64Load(target, 8 * n), multiple)),
    normalise(8 * n),
  ];
  return f;
}

/**
 * `canonical(register, constants)`: both components, each between -M and M, to [0, M),
 * with digits in [0, 2^b). a + b M stays the same modulo M^2.
 */
export function canonicalFunction(
  at: Layout,
  propagate: number,
): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [register, constants] = f.parameters, part = 8 * at.n;
  const plain = i32Add(constants, i32(at.plainModulus));
  const carry = (offset: number, multiple: number): Code =>
    call(propagate, i32Add(register, i32(offset)), f64(multiple), plain);
  f.body = [
    when(f64Lt(carry(0, 0), f64(0)), [
      drop(carry(0, 1)),
      f64Store(register, part, f64Sub(f64Load(register, part), f64(1))),
    ]),
    when(f64Lt(carry(part, 0), f64(0)), drop(carry(part, 1))),
  ];
  return f;
}

/**
 * `join(register, constants)`: the 2n digits of a + b M, for a canonical register, to `digits`.
 * Each lane holds another column of one number here.
 */
export function joinFunction(at: Layout): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [register, constants] = f.parameters;
  const { n, lowColumns, highColumns, digits } = at;
  const { fused, bits: limbBits } = at.format;
  const row = f.local(I32), limb = f.local(I32), column = f.local(I32);
  const b = f.vector("b"), m = f.vector("m"), high = f.vector("high");
  const value = f.local(I64);
  const accumulate = (columns: number, part: Code, bias: number): Code =>
    store(
      column,
      columns,
      addI64(load(column, columns), subI64(part, splatI64(i64(bitsOf(bias))))),
    );
  const loop = (index: Local, end: number, by: number, body: Code): Code => [
    set(index, i32(0)),
    doWhile(
      [body, set(index, i32Add(index, i32(by)))],
      i32LtU(index, i32(end)),
    ),
  ];
  const digit = (component: Code): Code => [
    set(value, i64Add(value, component)),
    f64Store(row, digits, f64FromI64(i64And(value, i64(limbMask(at))))),
    set(value, i64ShrS(value, i64(BigInt(limbBits)))),
  ];
  const product = i64Add(
    i64Load(row, lowColumns),
    i64Load(row, highColumns - 8),
  );
  f.body = [
    loop(row, 16 * (n + 1), 16, [
      store(row, lowColumns, splatI64(i64(0n))),
      store(row, highColumns, splatI64(i64(0n))),
    ]),
    loop(row, 8 * n, 8, [
      set(b, splat(f64Load(i32Add(register, row), 8 * n))),
      loop(limb, 8 * n, 16, [
        set(column, i32Add(row, limb)),
        set(m, load(i32Add(constants, limb), at.plainModulus)),
        fused
          ? [
            set(high, madd(b, m, splat(f64(highStart)))),
            accumulate(
              lowColumns,
              madd(b, m, sub(splat(f64(highStart + lowStart)), high)),
              lowStart,
            ),
            accumulate(highColumns, high, highStart),
          ]
          : accumulate(
            lowColumns,
            add(mul(b, m), splat(f64(lowStart))),
            lowStart,
          ),
      ]),
    ]),
    set(row, i32(0)),
    doWhile(
      [
        digit(i64Add(product, i64FromF64(f64Load(i32Add(register, row))))),
        set(row, i32Add(row, i32(8))),
      ],
      i32LtU(row, i32(8 * n)),
    ),
    doWhile(
      [digit(product), set(row, i32Add(row, i32(8)))],
      i32LtU(row, i32(16 * n)),
    ),
  ];
  return f;
}

/** `pack(digits, count)`: digits in [0, 2^b) to the little-endian output, zeros after them. */
export function packFunction(at: Layout): WasmFunction {
  const f = new WasmFunction([I32, I32]);
  const [digits, count] = f.parameters, limbBits = at.format.bits;
  const to = f.local(I32), bit = f.local(I32);
  f.body = [
    set(to, i32(0)),
    doWhile(
      [
        i64Store(to, at.output, i64(0n)),
        set(to, i32Add(to, i32(8))),
      ],
      i32LtU(to, i32(at.outputBytes)),
    ),
    doWhile([
      set(to, i32ShrU(bit, i32(3))),
      i64Store(
        to,
        at.output,
        i64Or(
          i64Load(to, at.output),
          i64Shl(
            i64FromF64(f64Load(digits)),
            i64FromU32(i32And(bit, i32(7))),
          ),
        ),
      ),
      set(bit, i32Add(bit, i32(limbBits))),
      set(digits, i32Add(digits, i32(8))),
    ], tee(count, i32Sub(count, i32(1)))),
  ];
  return f;
}
