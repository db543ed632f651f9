import {
  add,
  addI64,
  call,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32IsZero,
  i32Load,
  i32LtU,
  i32Mul,
  i32Or,
  i32ShrU,
  i32Sub,
  i32Xor,
  load,
  loadLanes,
  type Local,
  set,
  shiftRightU,
  store,
  storeLanes,
  tee,
  WasmFunction,
  when,
} from "./assembler.ts";
import type { Layout } from "./layout.ts";
import { limbBits } from "./limbs.ts";
import { SweepEmitter } from "./sweeps.ts";

/** How a module is laid out in code; measured, see `bench/modmul.ts`. */
export interface Tuning {
  /** Most steps of a sweep that are written out, for a quotient chain. */
  readonly peeled: number;
  /** Share of a quotient chain that goes into the first of its two sweeps. */
  readonly share: number;
}

/**
 * `multiply(left0, left1, right0, right1, target0, target1)`: the Montgomery product of two
 * pairs in each lane; operands and targets are addresses of registers. All is
 * read before anything is written.
 */
export function multiplyFunction(at: Layout, tuning: Tuning): WasmFunction {
  const f = new WasmFunction([I32, I32, I32, I32, I32, I32]);
  const [left0, left1, right0, right1, target0, target1] = f.parameters;
  const sweeps = new SweepEmitter(f, at, tuning.peeled);
  const offset = f.local(I32), fresh = f.local(I32);
  const from0 = f.local(I32), from1 = f.local(I32);
  const { n, left, columns1, columns2 } = at;
  f.body = [
    readLeft(f, at, left0, left1, false),
    copyColumns(f, at, at.multiply1, at.multiply2),
    forBlocks(at, offset, (count) => {
      const rows = sweeps.rowDigits(count);
      const readRows = (component: 0 | 1): Code => [
        set(from0, i32Add(right0, i32ShrU(offset, i32(1)))),
        set(from1, i32Add(right1, i32ShrU(offset, i32(1)))),
        rows.map((row, i) =>
          set(row, loadLanes(from0, from1, 8 * (component * n + i)))
        ),
      ];
      const freshFrom = (initial: number) =>
        set(fresh, i32Add(offset, i32(initial + 16 * n)));
      const [t1, t2] = split(sweeps.quotients(columns1, count, "t"), tuning);
      const [u1, u2] = split(
        sweeps.quotients(columns2, count, "u", { minus: "t" }),
        tuning,
      );
      const sweep = { source: left, rows, columns: columns1, shift: 0 };
      return [
        readRows(0),
        freshFrom(at.multiply1),
        sweeps.multiply(sweep, fresh, t1, count),
        readRows(1),
        freshFrom(at.multiply2),
        sweeps.multiply({ ...sweep, columns: columns2 }, fresh, t2),
        readRows(0),
        sweeps.multiply(
          { ...sweep, source: left + 16 * n, columns: columns2 },
          null,
          u1,
          count,
        ),
        sweeps.reduce(columns1, count, "t", u2),
        sweeps.reduce(columns2, count, "u"),
      ];
    }),
    writeDigits(f, sweeps, target0, target1),
  ];
  return f;
}

/** `square(left0, left1, target0, target1)`: the same with right = left. */
export function squareFunction(at: Layout, tuning: Tuning): WasmFunction {
  const f = new WasmFunction([I32, I32, I32, I32]);
  const [left0, left1, target0, target1] = f.parameters;
  const sweeps = new SweepEmitter(f, at, tuning.peeled);
  const offset = f.local(I32), fresh = f.local(I32);
  const { n, rows: most, left, doubled, columns1, columns2 } = at;
  const short = n % most;
  // A block's own columns of a^2 once, those above it doubled.
  const diagonal = (count: number): Code => {
    const rows = sweeps.rowDigits(count);
    return [
      rows.map((row, i) => [
        set(row, load(offset, left + 16 * i)),
        store(offset, doubled + 16 * i, row),
      ]),
      set(fresh, i32Add(offset, i32(at.square1 + 16 * n))),
      sweeps.multiplyFrom(
        { source: doubled, rows, columns: columns1, shift: 0 },
        offset,
        n - count,
        fresh,
      ),
    ];
  };
  f.body = [
    readLeft(f, at, left0, left1, true),
    copyColumns(f, at, at.square1, at.square2),
    set(offset, i32(0)),
    diagonal(most),
    sweeps.quotients(columns1, most, "t"),
    forBlocks(at, offset, (count) => {
      const rows = sweeps.rowDigits(count);
      const [u1, u2] = split(
        sweeps.quotients(columns2, count, "u", { minus: "t" }),
        tuning,
      );
      const doubledB: Code = rows.map((row, i) => {
        const digit = load(offset, left + 16 * (n + i));
        return set(row, add(tee(row, digit), row));
      });
      return [
        doubledB,
        set(fresh, i32Add(offset, i32(at.square2 + 16 * n))),
        sweeps.multiply(
          { source: left, rows, columns: columns2, shift: 0 },
          fresh,
          u1,
          count,
        ),
        count < most
          ? [
            diagonal(count),
            set(f.vector("tcarry"), f.vector("nextshortcarry")),
            set(f.vector("thigh"), f.vector("nextshorthigh")),
            sweeps.reduce(columns1, count, "t", u2),
          ]
          : [
            when(offset, diagonal(count)),
            // Later rows reach no column of the next block, whose quotients are known from here.
            sweeps.reduce(columns1, count, "t", [
              ...sweeps.quotients(columns1, count, "next", { stop: short }),
              ...u2,
            ], count + 1),
            ["carry", "high", ...rows.map((_, i) => "q" + i)].map((name) =>
              set(f.vector("t" + name), f.vector("next" + name))
            ),
          ],
        sweeps.reduce(columns2, count, "u"),
      ];
    }),
    writeDigits(f, sweeps, target0, target1),
  ];
  return f;
}

/**
 * `run(steps)`: the steps copied to `program`, each of two triples (target, left, right) of
 * register numbers, lane 0 then lane 1.
 */
export function runFunction(
  at: Layout,
  multiplyIndex: number,
  squareIndex: number,
): WasmFunction {
  const f = new WasmFunction([I32]);
  const [steps] = f.parameters;
  const step = f.local(I32);
  const [target0, left0, right0, target1, left1, right1] = Array.from(
    { length: 6 },
    () => f.local(I32),
  );
  f.body = [
    set(step, i32(at.program)),
    doWhile([
      [target0, left0, right0, target1, left1, right1].map((to, i) =>
        set(
          to,
          i32Add(
            i32Mul(i32Load(step, 4 * i), i32(at.registerBytes)),
            i32(at.bank),
          ),
        )
      ),
      when(
        i32IsZero(i32Or(i32Xor(left0, right0), i32Xor(left1, right1))),
        call(squareIndex, left0, left1, target0, target1),
        call(multiplyIndex, left0, left1, right0, right1, target0, target1),
      ),
      set(step, i32Add(step, i32(24))),
    ], tee(steps, i32Sub(steps, i32(1)))),
  ];
  return f;
}

/** Runs `body` for every block of rows (a loop; `offset` counts bytes), then for the rows that remain. */
function forBlocks(
  { n, rows }: Layout,
  offset: Local,
  body: (count: number) => Code,
): Code {
  const whole = Math.floor(n / rows), rest = n % rows;
  return [
    set(offset, i32(0)),
    doWhile(
      [body(rows), set(offset, i32Add(offset, i32(16 * rows)))],
      i32LtU(offset, i32(16 * rows * whole)),
    ),
    rest > 0 ? body(rest) : [],
  ];
}

/** Puts the left operand's lanes side by side, and 2a beside it. */
function readLeft(
  f: WasmFunction,
  at: Layout,
  left0: Local,
  left1: Local,
  doubled: boolean,
): Code {
  const from = f.local(I32), digit = f.vector("limb"), { n, left } = at;
  // Register bytes run half as fast as vectors do.
  const read = (component: 0 | 1): Code => [
    set(
      digit,
      loadLanes(
        i32Add(left0, i32ShrU(from, i32(1))),
        i32Add(left1, i32ShrU(from, i32(1))),
        8 * n * component,
      ),
    ),
    store(from, left + 16 * n * component, digit),
  ];
  return forLimbs(at, from, [
    read(0),
    doubled ? store(from, at.doubled, add(digit, digit)) : [],
    read(1),
  ]);
}

function copyColumns(
  f: WasmFunction,
  at: Layout,
  initial1: number,
  initial2: number,
): Code {
  const from = f.local(I32);
  return forLimbs(at, from, [
    store(from, at.columns1, load(from, initial1)),
    store(from, at.columns2, load(from, initial2)),
  ]);
}

/** Columns of t and of u to balanced digits, each lane's to its target. */
function writeDigits(
  f: WasmFunction,
  sweeps: SweepEmitter,
  target0: Local,
  target1: Local,
): Code {
  const { at } = sweeps, from = f.local(I32);
  const to0 = f.local(I32), to1 = f.local(I32);
  const digit = f.vector("limb");
  const component = (index: 0 | 1): Code => {
    const column = f.vector("column" + index);
    const carry = f.vector("columnCarry" + index);
    return [
      set(
        column,
        addI64(load(from, index === 0 ? at.columns1 : at.columns2), carry),
      ),
      set(digit, sweeps.balanced(column)),
      storeLanes(to0, to1, 8 * at.n * index, digit),
      set(carry, shiftRightU(column, limbBits)),
    ];
  };
  const zero = load(i32(0), 0);
  return [
    set(f.vector("columnCarry0"), zero),
    set(f.vector("columnCarry1"), zero),
    forLimbs(at, from, [
      set(to0, i32Add(target0, i32ShrU(from, i32(1)))),
      set(to1, i32Add(target1, i32ShrU(from, i32(1)))),
      component(0),
      component(1),
    ]),
  ];
}

/** Runs `body` for each limb; `from` counts bytes of vectors. */
function forLimbs({ n }: Layout, from: Local, body: Code): Code {
  return [
    set(from, i32(0)),
    doWhile(
      [body, set(from, i32Add(from, i32(16)))],
      i32LtU(from, i32(16 * n)),
    ),
  ];
}

function split(code: Code[], { share }: Tuning): [Code[], Code[]] {
  const place = Math.round(code.length * share);
  return [code.slice(0, place), code.slice(place)];
}
