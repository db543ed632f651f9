/**
 * Emits what the kernel's functions share: loading and storing of lanes.
 *
 * @module
 */
import {
  addI64,
  and,
  type Code,
  doWhile,
  highLanes,
  I32,
  i32,
  i32Add,
  i32LtU,
  i32Sub,
  load,
  type Local,
  lowLanes,
  or,
  set,
  shiftRightU,
  store,
  storeLanes,
  sub,
  type WasmFunction,
} from "./assembler.ts";
import type { Layout } from "./memory_layout.ts";

/*
 * Between registers, where a number's digits follow each other, and the working
 * arrays, where two numbers lie side by side in the lanes of vectors.
 */

/** Puts the digits of the left operand side by side, a and then b. */
export function readLeft(
  f: WasmFunction,
  { n, left }: Layout,
  left0: Local,
  left1: Local,
): Code {
  const to = f.local(I32), from0 = f.local(I32), from1 = f.local(I32);
  const [digits0, digits1] = ["limb", "next"].map((name) => f.vector(name));
  const pointers: Pointer[] = [[to, 32], [from0, 16], [from1, 16]];
  return [
    set(from0, left0),
    set(from1, left1),
    repeat(n, 3, pointers, (place) => [
      set(digits0, load(from0, 16 * place)),
      set(digits1, load(from1, 16 * place)),
      store(to, left + 32 * place, lowLanes(digits0, digits1)),
      store(to, left + 32 * place + 16, highLanes(digits0, digits1)),
    ]),
  ];
}

/** Sets both column windows to their initial values. */
export function copyColumns(
  f: WasmFunction,
  { n, columns1, columns2 }: Layout,
  initial1: number,
  initial2: number,
): Code {
  const from = f.local(I32);
  return repeat(n, 4, [[from, 16]], (place) => [
    store(from, columns1 + 16 * place, load(from, initial1 + 16 * place)),
    store(from, columns2 + 16 * place, load(from, initial2 + 16 * place)),
  ]);
}

/** Columns of t and of u to balanced digits, each lane's to its target. */
export function writeDigits(
  f: WasmFunction,
  { n, format, columns1, columns2, mask, exponent, balance }: Layout,
  target0: Local,
  target1: Local,
): Code {
  const from = f.local(I32), to0 = f.local(I32), to1 = f.local(I32);
  const names = ["limb", "next", "even", "odd", "mask", "exponent", "balance"];
  const [column, carry, even, odd, ...constants] = names.map((name) =>
    f.vector(name)
  );
  const [maskBits, exponentBits, balanceValue] = constants;
  const pairs = Math.floor(n / 2), perTurn = 2;
  const digit = (to: Local, offset: number): Code => [
    set(column, addI64(load(from, offset), carry)),
    set(to, sub(or(and(column, maskBits), exponentBits), balanceValue)),
    set(carry, shiftRightU(column, format.bits)),
  ];
  const component = (columns: number, offset: number): Code => {
    const rest = pairs % perTurn;
    const pointers: Pointer[] = [[from, 32], [to0, 16], [to1, 16]];
    return [
      set(carry, load(i32(0), 0)),
      repeat(pairs, perTurn, pointers, (place) => [
        digit(even, columns + 32 * place),
        digit(odd, columns + 32 * place + 16),
        store(to0, offset + 16 * place, lowLanes(even, odd)),
        store(to1, offset + 16 * place, highLanes(even, odd)),
      ]),
      n % 2 === 0 ? [] : [
        digit(even, columns + 32 * rest),
        storeLanes(to0, to1, offset + 16 * rest, even),
      ],
    ];
  };
  const rewind = (to: Local) =>
    set(to, i32Sub(to, i32(16 * (pairs - pairs % perTurn))));
  return [
    set(maskBits, load(i32(0), mask)),
    set(exponentBits, load(i32(0), exponent)),
    set(balanceValue, load(i32(0), balance)),
    set(to0, target0),
    set(to1, target1),
    component(columns1, 0),
    rewind(to0),
    rewind(to1),
    component(columns2, 8 * n),
  ];
}

/** An address and the bytes that it moves on by from one element to the next. */
type Pointer = readonly [Local, number];

/**
 * `body` for `count` elements, `perTurn` of them each turn of a loop; it is told the
 * element's place after the pointers, which move on once a turn. The first pointer counts
 * from 0.
 */
function repeat(
  count: number,
  perTurn: number,
  pointers: readonly Pointer[],
  body: (place: number) => Code,
): Code {
  const bodies = (count: number) =>
    Array.from({ length: count }, (_, place) => body(place));
  const [counter, bytes] = pointers[0];
  const turns = Math.floor(count / perTurn);
  return [
    set(counter, i32(0)),
    doWhile([
      bodies(perTurn),
      pointers.map(([pointer, bytes]) =>
        set(pointer, i32Add(pointer, i32(bytes * perTurn)))
      ),
    ], i32LtU(counter, i32(bytes * perTurn * turns))),
    bodies(count % perTurn),
  ];
}
