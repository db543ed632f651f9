/**
 * Code of the kernel's inner loops. Each of the two vector lanes holds another
 * number; nothing ever crosses between them.
 *
 * *Chains.* Column k of a product is the sum of the a_j b_i with i + j = k. With
 * one rounding a multiply-add splits each exactly: the high accumulator h starts
 * from 1.5*2^102, where float64 has steps of 2^50, the low one l from 1.5*2^52:
 *
 *     x = a*b + h (rounded);  l += a*b + (h - x);  h = x
 *
 * Read as 64-bit integers, h and l count steps of 2^50 and of 1 above the bits of
 * where they started; so they are added, as integers, to columns k+1 and k. The
 * initial columns (`columns.ts`) hold minus those biases.
 *
 * Digits are within 2^49, in a square one of the factors within 2^50: four products
 * stay within 2^101, so that h lies in [2^102, 2^103] and l in [2^52, 2^53], the
 * range of one exponent. Four rows are therefore the most; five would not fit.
 *
 * *Sweeps.* A sweep multiplies all n limbs of its source by the rows of a block and
 * adds into the column window. Row i meets limb j in chain i + j, so a chain is
 * complete after as many steps as there are rows.
 *
 * *Reduction.* `findQuotients` finds digits q that make the lowest columns of the window
 * multiples of 2^50, `reduce` adds q*M and drops those columns. All blocks together
 * give ac + qM = tR with R = 2^(50 n).
 *
 * *Pairs.* x = a + bM is held as (a, b). From ac + qM = tR follows
 *
 *     (a + bM)(c + dM) / R = t + M * redc(ad + bc - q)   (mod M^2)
 *
 * *Bounds.* With R >= 4M, |a| <= M and |b| <= (1 + 2^-40) M stay so for ever without
 * corrections. Quotient digits are at most 2^49, hence |q| <= (R/2)(1 + 2^-49), and
 *
 *     |t| <= |ac|/R + (M/2)(1 + 2^-49) <= (3M/4)(1 + 2^-49)
 *     |u| <= |ad + bc|/R + (M/2)(1 + 2^-49) + 1 <= (1 + 2^-40) M   for M > 2^42
 *
 * (-q is worth less than 1). Both lie well inside R/2 >= 2M, what n digits can hold.
 * R >= 2M would not do: b would grow. A column gets at most three sweeps of less than
 * 2^52 from each of n/3 + 1 blocks (n/2 + 1 of short numbers): less than 2^61 for
 * n <= 500, and the bias of 2^62 keeps it positive.
 *
 * @module
 */
import {
  add,
  addI64,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32LtU,
  load,
  type Local,
  madd,
  set,
  store,
  sub,
  tee,
  type WasmFunction,
  when,
} from "./assembler.ts";
import type { Layout } from "./memory_layout.ts";

/** What is multiplied in a sweep, and where the sums go. */
export interface Sweep {
  /** Address of the source's limbs. */
  source: number;
  /** The multiplying digits, one a row. */
  rows: Local[];
  /** Address of the column window. */
  columns: number;
  /** Columns move down by this many places: the reduced ones drop out. */
  shift: number;
}

/**
 * Max steps of a sweep that are written out: they make room for a quotient chain, and
 * start sooner than a loop. More would hide more of the chain, but slow the engine down
 * by the sheer amount of code.
 */
const maxWrittenOut = 6;

/** Emits sweeps into one function. */
export class SweepEmitter {
  readonly #cursor: Local;

  constructor(readonly f: WasmFunction, readonly at: Layout) {
    this.#cursor = f.local(I32);
  }

  /** Constants that want to stay in registers; to be run before all other code. */
  begin(): Code {
    return [
      set(this.f.vector("highStart"), load(i32(0), this.at.high)),
      set(this.f.vector("highLowStart"), load(i32(0), this.at.highLow)),
    ];
  }

  rowDigits(count: number, prefix = "row"): Local[] {
    return Array.from({ length: count }, (_, i) => this.f.vector(prefix + i));
  }

  /**
   * Columns += source * rows.
   *
   * @param fresh points at the initial values of the columns from n on, if this is the first
   *   sweep to reach them
   * @param side is spread over the first steps, once `from` of them are done
   */
  multiply(
    sweep: Sweep,
    fresh: Local | null,
    side: Code[] = [],
    from = 0,
  ): Code {
    const steps = this.#writtenOut(0, sweep);
    return [
      weave(
        Array.from(
          { length: steps },
          (_, j) => this.#step(sweep, j, { first: j === 0 }),
        ),
        side,
        from,
      ),
      this.#roll(sweep, steps),
      this.#tail(sweep, fresh),
    ];
  }

  /**
   * Columns += a block's part of source^2: its rows, which are the limbs at byte
   * `start`, once times themselves and doubled times the limbs above them.
   *
   * @param startLimb limb of the first block that this code is run for
   * @param fresh as in `multiply`
   */
  square(sweep: Sweep, start: Local, startLimb: number, fresh: Local): Code {
    const { rows } = sweep, { at } = this, cursor = this.#cursor;
    const clear = rows.map((_, k): Code => [
      set(this.#high(k, rows.length), load(i32(0), at.high)),
      set(this.#low(k, rows.length), load(i32(0), at.low)),
    ]);
    return [
      clear, // the chains begin in mid-air
      set(this.f.vector("carried"), load(i32(0), at.high)),
      set(cursor, start),
      rows.map((_, place) => this.#step(sweep, startLimb + place, { place })),
      rows.map((row) => set(row, add(row, row))),
      set(cursor, i32Add(cursor, i32(16 * rows.length))),
      this.#roll(sweep, startLimb + rows.length, true),
      this.#tail(sweep, fresh),
    ];
  }

  /**
   * Columns = (columns + modulus * q) / 2^(50 count), for the `count` quotient digits
   * under `prefix`. The chains below column `count` were done by `findQuotients`.
   *
   * @param options.side is spread over the first steps, once `options.from` of them are done
   */
  reduce(
    columns: number,
    { count, prefix, side = [], from = 0 }: {
      count: number;
      prefix: string;
      side?: Code[];
      from?: number;
    },
  ): Code {
    const { modulus } = this.at, q = this.rowDigits(count, prefix + "q");
    const sweep = { source: modulus, rows: q, columns, shift: count };
    const begin: Code[] = [];
    for (let j = 1; j < count; j++) {
      begin.push(set(this.f.vector("limb"), load(i32(0), modulus + 16 * j)));
      for (let i = count - j; i < count; i++) {
        begin.push(this.#product(i + j, q[i], count, i === count - 1));
      }
    }
    const carried = addI64(
      this.f.vector(prefix + "carry"),
      this.f.vector(prefix + "high"),
    );
    const steps = this.#writtenOut(count, sweep);
    return [
      begin,
      set(this.f.vector("carried"), carried),
      weave(
        Array.from(
          { length: steps },
          (_, i) => this.#step(sweep, count + i),
        ),
        side,
        from,
      ),
      this.#roll(sweep, count + steps),
      this.#tail(sweep, null),
    ];
  }

  /** How many steps from limb `begin` are written out. */
  #writtenOut(begin: number, sweep: Sweep): number {
    const unroll = unrollOf(sweep);
    const possible = Math.floor((this.at.n - begin) / unroll);
    return unroll * Math.min(Math.floor(maxWrittenOut / unroll), possible);
  }

  #high(chain: number, count: number): Local {
    return this.f.vector("chainHigh" + chain % count);
  }

  #low(chain: number, count: number): Local {
    return this.f.vector("chainLow" + chain % count);
  }

  /** Adds limb * row to a chain. */
  #product(chain: number, row: Local, count: number, start: boolean): Code {
    const high = this.#high(chain, count), low = this.#low(chain, count);
    const limb = this.f.vector("limb"), next = this.f.vector("next");
    if (start) {
      return [
        set(high, madd(limb, row, this.f.vector("highStart"))),
        set(low, madd(limb, row, sub(this.f.vector("highLowStart"), high))),
      ];
    }
    return [
      set(next, madd(limb, row, high)),
      set(low, add(low, madd(limb, row, sub(high, next)))),
      set(high, next),
    ];
  }

  /**
   * One limb times all rows; column j is then complete for this sweep.
   *
   * @param at `place` in an unrolled loop that has its first limb at byte `cursor`;
   *   `first` if all chains start here
   */
  #step(
    sweep: Sweep,
    limb: number,
    { place, first = false }: { place?: number; first?: boolean } = {},
  ): Code {
    const count = sweep.rows.length;
    const base = place === undefined ? i32(0) : this.#cursor;
    const offset = 16 * (place ?? limb);
    const carried = this.f.vector("carried");
    const column = load(base, sweep.columns + offset);
    return [
      set(this.f.vector("limb"), load(base, sweep.source + offset)),
      sweep.rows.map((row, i) =>
        this.#product(limb + i, row, count, first || i === count - 1)
      ),
      store(
        base,
        sweep.columns + offset - 16 * sweep.shift,
        addI64(
          first ? column : addI64(column, carried),
          this.#low(limb, count),
        ),
      ),
      set(carried, this.#high(limb, count)),
    ];
  }

  /** Steps from limb `begin`, or from a cursor whole turns of the loop later, to the end. */
  #roll(sweep: Sweep, begin: number, fromCursor = false): Code {
    const { n } = this.at, unroll = unrollOf(sweep), cursor = this.#cursor;
    const end = begin + Math.floor((n - begin) / unroll) * unroll;
    const rest = Array.from(
      { length: n - end },
      (_, i) => this.#step(sweep, end + i),
    );
    if (end === begin) return rest;
    const loop = doWhile(
      Array.from(
        { length: unroll },
        (_, place) => this.#step(sweep, begin + place, { place }),
      ),
      i32LtU(tee(cursor, i32Add(cursor, i32(16 * unroll))), i32(16 * end)),
    );
    return fromCursor
      ? [when(i32LtU(cursor, i32(16 * end)), loop), rest]
      : [set(cursor, i32(16 * begin)), loop, rest];
  }

  /** Columns n .. n + rows - 1, where the chains run out; `fresh` as in `multiply`. */
  #tail(sweep: Sweep, fresh: Local | null): Code {
    const count = sweep.rows.length, { n } = this.at;
    const carried = this.f.vector("carried");
    return Array.from({ length: count }, (_, i) => {
      const last = i === count - 1;
      const column = fresh === null
        ? load(i32(0), sweep.columns + 16 * (n + i))
        : load(fresh, 16 * i);
      const sum = addI64(column, carried);
      return [
        store(
          i32(0),
          sweep.columns + 16 * (n + i - sweep.shift),
          last ? sum : addI64(sum, this.#low(n + i, count)),
        ),
        last ? [] : set(carried, this.#high(n + i, count)),
      ];
    });
  }
}

/** Steps of a loop: as many as put the chains' locals back into their places. */
function unrollOf({ rows }: Sweep): number {
  return rows.length < 2 ? 4 : rows.length;
}

/** `main` with `side` spread evenly over its parts after the first `from`, or behind them. */
function weave(main: Code[], side: Code[], from: number): Code {
  const span = Math.max(1, main.length - from), code: Code[] = [];
  let done = 0;
  main.forEach((part, i) => {
    const due = Math.floor((i - from + 1) * side.length / span);
    while (done < due) code.push(side[done++]);
    code.push(part);
  });
  return [code, side.slice(done)];
}
