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
 * Without fused multiply-adds digits have 25 bits, b in all that follows. Products are
 * exact then, within 2^48 or 2^49, so that four of them stay within 2^51 and
 * l += a*b alone does: there is no high part.
 *
 * *Sweeps.* A sweep multiplies all n limbs of its source by the rows of a block and
 * adds into the column window. Row i meets limb j in chain i + j, so a chain is
 * complete after as many steps as there are rows.
 *
 * *Reduction.* `findQuotients` finds digits q that make the lowest columns of the window
 * multiples of 2^b, `reduce` adds q*M and drops those columns. All blocks together
 * give ac + qM = tR with R = 2^(b n).
 *
 * *Pairs.* x = a + bM is held as (a, b). From ac + qM = tR follows
 *
 *     (a + bM)(c + dM) / R = t + M * redc(ad + bc - q)   (mod M^2)
 *
 * *Bounds.* With R >= 4M, |a| <= M and |b| <= (1 + e) M stay so for ever without
 * corrections, e = 2^-40 for long digits and 2^-24 for short ones. Quotient digits are at
 * most 2^(b-1), hence |q| <= (R/2)(1 + 2^(1-b)), and
 *
 *     |t| <= |ac|/R + (M/2)(1 + 2^(1-b)) <= (3M/4)(1 + 2^(1-b))
 *     |u| <= |ad + bc|/R + (M/2)(1 + 2^(1-b)) + 1 <= (1 + e) M   for M > 2^42
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
  mul,
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
 * Max turns of a sweep's loop that are written out: they make room for a quotient chain,
 * and start sooner than a loop. More would hide more of the chain, but slow the engine
 * down by the sheer amount of code.
 */
const maxTurnsWrittenOut = 2;

/** Emits sweeps into one function. */
export class SweepEmitter {
  readonly #cursor: Local;

  constructor(readonly f: WasmFunction, readonly at: Layout) {
    this.#cursor = f.local(I32);
  }

  /** Constants that want to stay in registers; to be run before all other code. */
  begin(): Code {
    return [
      this.at.format.fused
        ? [
          set(this.f.vector("highStart"), load(i32(0), this.at.high)),
          set(this.f.vector("highLowStart"), load(i32(0), this.at.highLow)),
        ]
        : set(this.f.vector("lowStart"), load(i32(0), this.at.low)),
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
      this.#high(k, rows.length).map((high) =>
        set(high, load(i32(0), at.high))
      ),
      set(this.#low(k, rows.length), load(i32(0), at.low)),
    ]);
    return [
      clear, // the chains begin in mid-air
      this.#carried().map((carried) => set(carried, load(i32(0), at.high))),
      set(cursor, start),
      rows.map((_, place) => this.#step(sweep, startLimb + place, { place })),
      rows.map((row) => set(row, add(row, row))),
      set(cursor, i32Add(cursor, i32(16 * rows.length))),
      this.#roll(sweep, startLimb + rows.length, true),
      this.#tail(sweep, fresh),
    ];
  }

  /**
   * Columns = (columns + modulus * q) / 2^(b count), for the `count` quotient digits
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
    const { at } = this,
      { modulus } = at,
      q = this.rowDigits(count, prefix + "q");
    const sweep = { source: modulus, rows: q, columns, shift: count };
    const begin: Code[] = [];
    for (let j = 1; j < count; j++) {
      begin.push(set(this.f.vector("limb"), load(i32(0), modulus + 16 * j)));
      for (let i = count - j; i < count; i++) {
        begin.push(this.#product(i + j, q[i], count, i === count - 1));
      }
    }
    const carry = this.f.vector(prefix + "carry");
    const steps = this.#writtenOut(count, sweep);
    return [
      begin,
      this.#carried().map((carried) =>
        set(carried, addI64(carry, this.f.vector(prefix + "high")))
      ),
      weave(
        Array.from(
          { length: steps },
          (_, i) =>
            this.#step(sweep, count + i, {
              carry: i === 0 && !at.format.fused ? carry : undefined,
            }),
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
    return unroll * Math.min(maxTurnsWrittenOut, possible);
  }

  /** Where a chain's high part is, if it has one. */
  #high(chain: number, count: number): Local[] {
    return this.at.format.fused
      ? [this.f.vector("chainHigh" + chain % count)]
      : [];
  }

  /** Where the high part of the last chain is, if it has one, until its column comes. */
  #carried(): Local[] {
    return this.at.format.fused ? [this.f.vector("carried")] : [];
  }

  /** `column` and what is carried into it. */
  #withCarried(column: Code): Code {
    return this.#carried().reduce<Code>(addI64, column);
  }

  /** Puts aside what a chain carries into the next column. */
  #carry(chain: number, count: number): Code {
    return this.#carried().map((carried) =>
      set(carried, this.#high(chain, count)[0])
    );
  }

  #low(chain: number, count: number): Local {
    return this.f.vector("chainLow" + chain % count);
  }

  /** Adds limb * row to a chain. */
  #product(chain: number, row: Local, count: number, start: boolean): Code {
    const [high] = this.#high(chain, count), low = this.#low(chain, count);
    const limb = this.f.vector("limb"), next = this.f.vector("next");
    if (high === undefined) {
      return set(
        low,
        add(mul(limb, row), start ? this.f.vector("lowStart") : low),
      );
    }
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
   *   `first` if all chains start here; `carry` is added to the column
   */
  #step(
    sweep: Sweep,
    limb: number,
    { place, first = false, carry }: {
      place?: number;
      first?: boolean;
      carry?: Local;
    } = {},
  ): Code {
    const count = sweep.rows.length;
    const base = place === undefined ? i32(0) : this.#cursor;
    const offset = 16 * (place ?? limb);
    const loaded = load(base, sweep.columns + offset);
    const column = carry ? addI64(loaded, carry) : loaded;
    return [
      set(this.f.vector("limb"), load(base, sweep.source + offset)),
      sweep.rows.map((row, i) =>
        this.#product(limb + i, row, count, first || i === count - 1)
      ),
      store(
        base,
        sweep.columns + offset - 16 * sweep.shift,
        addI64(
          first ? column : this.#withCarried(column),
          this.#low(limb, count),
        ),
      ),
      this.#carry(limb, count),
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
    return Array.from({ length: count }, (_, i) => {
      const last = i === count - 1;
      const column = fresh === null
        ? load(i32(0), sweep.columns + 16 * (n + i))
        : load(fresh, 16 * i);
      const sum = this.#withCarried(column);
      return [
        store(
          i32(0),
          sweep.columns + 16 * (n + i - sweep.shift),
          last ? sum : addI64(sum, this.#low(n + i, count)),
        ),
        last ? [] : this.#carry(n + i, count),
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
