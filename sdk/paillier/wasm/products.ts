/**
 * Emits the kernel's products and squares of pairs.
 *
 * @module
 */
import {
  add,
  call,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32GtU,
  i32IsZero,
  i32Load,
  i32LtU,
  i32Mul,
  i32Or,
  i32ShrU,
  i32Sub,
  i32Xor,
  leave,
  load,
  loadLanes,
  type Local,
  set,
  tee,
  WasmFunction,
  when,
} from "./assembler.ts";
import { copyColumns, readLeft, writeDigits } from "./lanes.ts";
import type { Blocks, Layout } from "./memory_layout.ts";
import { findQuotients } from "./quotients.ts";
import { SweepEmitter } from "./sweeps.ts";

/**
 * `multiply(left0, left1, right0, right1, target0, target1)`: the Montgomery product of
 * two pairs in each lane; operands and targets are addresses of registers. All is read
 * before anything is written.
 *
 * Both components advance block by block, so that the quotient chain of one can be
 * woven into sweeps of the other, which do not need it.
 */
export function multiplyFunction(at: Layout): WasmFunction {
  const f = new WasmFunction([I32, I32, I32, I32, I32, I32]);
  const [left0, left1, right0, right1, target0, target1] = f.parameters;
  const sweeps = new SweepEmitter(f, at);
  const offset = f.local(I32), fresh = f.local(I32);
  const from0 = f.local(I32), from1 = f.local(I32);
  const { n, blocks, left, columns1, columns2 } = at;
  const block = (count: number): Code => {
    const rows = sweeps.rowDigits(count);
    const readRows = (component: 0 | 1): Code =>
      rows.map((row, i) =>
        set(row, loadLanes(from0, from1, 8 * (component * n + i)))
      );
    const freshFrom = (initial: number) =>
      set(fresh, i32Add(offset, i32(initial + 16 * n)));
    const [t1, t2] = halves(
      findQuotients(f, at, { columns: columns1, count, prefix: "t" }),
    );
    const [u1, u2] = halves(
      findQuotients(f, at, {
        columns: columns2,
        count,
        prefix: "u",
        minus: "t",
      }),
    );
    const sweep = { source: left, rows, columns: columns1, shift: 0 };
    return [
      set(from0, i32Add(right0, i32ShrU(offset, i32(1)))),
      set(from1, i32Add(right1, i32ShrU(offset, i32(1)))),
      readRows(0), // a c
      freshFrom(at.multiply1),
      sweeps.multiply(sweep, fresh, t1, count),
      freshFrom(at.multiply2), // b c
      sweeps.multiply(
        { ...sweep, source: left + 16 * n, columns: columns2 },
        fresh,
        t2,
      ),
      readRows(1), // a d
      sweeps.multiply({ ...sweep, columns: columns2 }, null, u1, count),
      sweeps.reduce(columns1, { count, prefix: "t", side: u2 }),
      sweeps.reduce(columns2, { count, prefix: "u" }),
    ];
  };
  f.body = [
    sweeps.begin(),
    readLeft(f, at, left0, left1),
    copyColumns(f, at, at.multiply1, at.multiply2),
    set(offset, i32(0)),
    blocks.map((group) => forBlocks(group, offset, block(group.rows))),
    writeDigits(f, at, target0, target1),
  ];
  return f;
}

/** `square(left0, left1, target0, target1)`: the same with right = left. */
export function squareFunction(at: Layout): WasmFunction {
  const f = new WasmFunction([I32, I32, I32, I32]);
  const [left0, left1, target0, target1] = f.parameters;
  const sweeps = new SweepEmitter(f, at);
  const offset = f.local(I32), fresh = f.local(I32);
  const { n, blocks, left, columns1, columns2 } = at;
  const carries = at.format.fused ? ["carry", "high"] : ["carry"];
  const diagonal = ({ rows: count, first }: Blocks): Code => {
    const rows = sweeps.rowDigits(count);
    return [
      rows.map((row, i) => set(row, load(offset, left + 16 * i))),
      set(fresh, i32Add(offset, i32(at.square1 + 16 * n))),
      sweeps.square(
        { source: left, rows, columns: columns1, shift: 0 },
        offset,
        first,
        fresh,
      ),
    ];
  };
  const block = (group: Blocks, next?: Blocks): Code => {
    const count = group.rows, rows = sweeps.rowDigits(count);
    const [u1, u2] = halves(
      findQuotients(f, at, {
        columns: columns2,
        count,
        prefix: "u",
        minus: "t",
      }),
    );
    const [next1, next2] = halves(
      group.times > 1 || next
        ? findQuotients(f, at, {
          columns: columns1,
          count,
          prefix: "next",
          stop: next?.rows,
        })
        : [],
    );
    const doubledB: Code = rows.map((row, i) => {
      const digit = load(offset, left + 16 * (n + i));
      return set(row, add(tee(row, digit), row));
    });
    const quotients = [...carries, ...rows.map((_, i) => "q" + i)];
    return [
      doubledB,
      set(fresh, i32Add(offset, i32(at.square2 + 16 * n))),
      sweeps.multiply(
        { source: left, rows, columns: columns2, shift: 0 },
        fresh,
        u1,
        count,
      ),
      group.first > 0 ? diagonal(group) : when(offset, diagonal(group)),
      // Later rows reach no column of the next block, whose quotients are known from here.
      sweeps.reduce(columns1, {
        count,
        prefix: "t",
        side: [...u2, ...next1],
        from: count + 1,
      }),
      sweeps.reduce(columns2, { count, prefix: "u", side: next2 }),
      next1.length === 0
        ? []
        : quotients.map((name) =>
          set(f.vector("t" + name), f.vector("next" + name))
        ),
    ];
  };
  f.body = [
    sweeps.begin(),
    readLeft(f, at, left0, left1),
    copyColumns(f, at, at.square1, at.square2),
    set(offset, i32(0)),
    diagonal(blocks[0]),
    findQuotients(f, at, {
      columns: columns1,
      count: blocks[0].rows,
      prefix: "t",
    }),
    blocks.map((group, i) => {
      const next: Blocks | undefined = blocks[i + 1];
      return [
        forBlocks(group, offset, block(group, next)),
        next === undefined
          ? []
          : carries.map((name) =>
            set(f.vector("t" + name), f.vector("nextshort" + name))
          ),
      ];
    }),
    writeDigits(f, at, target0, target1),
  ];
  return f;
}

/**
 * `run(steps, registers) -> left`: the steps at `program`, each of two triples (target,
 * left, right) of register numbers, lane 0 then lane 1. Stops before a step that names a
 * register beyond the bank (-1, the idle one, is within) and returns how many steps are
 * left.
 */
export function runFunction(
  at: Layout,
  multiplyIndex: number,
  squareIndex: number,
): WasmFunction {
  const f = new WasmFunction([I32, I32], [I32]);
  const [steps, registers] = f.parameters;
  const step = f.local(I32);
  const numbers = Array.from({ length: 6 }, () => f.local(I32));
  const [target0, left0, right0, target1, left1, right1] = numbers;
  const beyond = numbers.map((number) =>
    i32GtU(i32Add(number, i32(1)), registers)
  ).reduce((some, one) => i32Or(some, one));
  f.body = [
    set(step, i32(at.program)),
    doWhile([
      numbers.map((number, i) => set(number, i32Load(step, 4 * i))),
      when(beyond, leave(steps)),
      numbers.map((number) =>
        set(
          number,
          i32Add(i32Mul(number, i32(at.registerBytes)), i32(at.bank)),
        )
      ),
      when(
        i32IsZero(i32Or(i32Xor(left0, right0), i32Xor(left1, right1))),
        call(squareIndex, left0, left1, target0, target1),
        call(multiplyIndex, left0, left1, right0, right1, target0, target1),
      ),
      set(step, i32Add(step, i32(24))),
    ], tee(steps, i32Sub(steps, i32(1)))),
    i32(0),
  ];
  return f;
}

/** Runs `body` for the blocks of a group; `offset` counts bytes of all rows. */
function forBlocks(
  { rows, first, times }: Blocks,
  offset: Local,
  body: Code,
): Code {
  return doWhile(
    [body, set(offset, i32Add(offset, i32(16 * rows)))],
    i32LtU(offset, i32(16 * (first + rows * times))),
  );
}

/** A quotient chain takes about as long as two sweeps: half goes into each. */
function halves(code: Code[]): [Code[], Code[]] {
  const middle = Math.round(code.length / 2);
  return [code.slice(0, middle), code.slice(middle)];
}
