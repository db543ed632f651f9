import {
  add,
  addI64,
  and,
  type Code,
  doWhile,
  I32,
  i32,
  i32Add,
  i32LtU,
  load,
  type Local,
  madd,
  or,
  set,
  shiftRightU,
  store,
  sub,
  tee,
  type WasmFunction,
  when,
} from "./assembler.ts";
import type { Layout } from "./layout.ts";
import { limbBits } from "./limbs.ts";

/**
 * Code of the kernel's inner loops. Each of the two vector lanes holds another
 * number; nothing ever crosses between them.
 *
 * *Chains.* Column k of a product is the sum of the a_j b_i with i + j = k. With
 * one rounding a multiply-add splits each exactly: the high accumulator h starts
 * from 1.5*2^102, where float64 has steps of 2^50, and the low one l from 1.5*2^52:
 *
 *     x = a*b + h (rounded);  l += a*b + (h - x);  h = x
 *
 * Read as 64-bit integers, h and l count steps of 2^50 and of 1 above the bits of
 * where they started, so they are added, as integers, into columns k+1 and k. The initial columns
 * (`columns.ts`) hold minus those biases. Digits are within 2^49, in a square one of the
 * factors within 2^50, so that up to **four** products stay within 2^101: h in [2^102, 2^103]
 * and l in [2^52, 2^53], the ranges of one exponent. Five do not fit.
 *
 * *Sweeps.* A sweep multiplies all n limbs of its source by up to four rows, and adds into
 * the column window. Row i of the block meets limb j in chain i + j, so a chain
 * is complete after as many steps as there are rows.
 *
 * *Reduction.* `quotients` finds digits q that make the lowest columns of the window multiples
 * of 2^50, `reduce` adds q*M and drops those columns. All blocks together
 * give ac + qM = tR.
 *
 * *Pairs.* x = a + bM is held as (a, b). From ac + qM = tR it follows that
 *
 *     (a + bM)(c + dM) / R = t + M * redc(ad + bc - q)   (mod M^2)
 *
 * *Bounds.* With R >= 4M, |a| <= M and |b| <= (1 + 2^-40) M stay so for ever with no correction:
 * quotient digits are at most 2^49, so |q| <= (R/2)(1 + e), e = 2^-49, and
 * |t| <= |ac|/R + (M/2)(1 + e) <= 3M/4 (1 + e), |u| <= |ad + bc|/R + (M/2)(1 + e) + 1
 * <= (1 + 2^-40) M for M > 2^42. Both lie well inside the digits' range R/2 >= 2M.
 * R >= 2M would not do: b grows.
 * A column takes at most three sweeps of 2^52 a block, n/3 + 1 blocks: under 2^61 for n <= 500, below
 * the bias of 2^62 that keeps it positive.
 */
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

/** Emits sweeps into one function. */
export class SweepEmitter {
  readonly #cursor: Local;

  /**
   * @param peeled most steps of a sweep that are written out, for a quotient
   *   chain to be woven in
   */
  constructor(
    readonly f: WasmFunction,
    readonly at: Layout,
    readonly peeled: number,
  ) {
    this.#cursor = f.local(I32);
  }

  rowDigits(count: number, prefix = "row"): Local[] {
    return Array.from({ length: count }, (_, i) => this.f.vector(prefix + i));
  }

  /** Columns += source * rows from the first limb, with `side` spread over the first steps. */
  multiply(
    sweep: Sweep,
    fresh: Local | null,
    side: Code[] = [],
    from = 0,
  ): Code {
    const { n, rows } = this.at, unroll = unrollFor(sweep);
    const whole = sweep.rows.length === rows;
    const most = Math.floor(n / unroll) * unroll;
    const peel = side.length > 0 && whole
      ? Math.min(Math.floor(this.peeled / unroll) * unroll, most)
      : unroll;
    const steps = Array.from(
      { length: peel },
      (_, j) => this.#step(sweep, j, { first: j === 0 }),
    );
    return [
      weave(steps, whole ? side : [], from, peel),
      this.#roll(sweep, peel),
      this.#tail(sweep, fresh),
      whole ? [] : side,
    ];
  }

  /**
   * Columns += source * rows from the limb at byte `start` on: half of a square.
   * The rows lie there too, so the chains begin in mid-air.
   */
  multiplyFrom(
    sweep: Sweep,
    start: Local,
    startLimb: number,
    fresh: Local,
  ): Code {
    const count = sweep.rows.length, { n, rows } = this.at;
    const clear = Array.from({ length: count }, (_, k): Code => [
      set(this.#high(k, count), load(i32(0), this.at.high)),
      set(this.#low(k, count), load(i32(0), this.at.low)),
    ]);
    return [
      clear,
      set(this.f.vector("carried"), load(i32(0), this.at.high)),
      count === rows ? this.#roll(sweep, 0, start) : Array.from(
        { length: n - startLimb },
        (_, i) => this.#step(sweep, startLimb + i),
      ),
      this.#tail(sweep, fresh),
    ];
  }

  /**
   * Columns = (columns + modulus * q) / 2^(50 rows). The chains below column `rows` were
   * done by `quotients`.
   */
  reduce(
    columns: number,
    count: number,
    prefix: string,
    side: Code[] = [],
    from = 0,
  ): Code {
    const { n, rows, modulus } = this.at;
    const q = this.rowDigits(count, prefix + "q");
    const sweep = { source: modulus, rows: q, columns, shift: count };
    const unroll = unrollFor(sweep);
    const begin: Code[] = [];
    for (let j = 1; j < count; j++) {
      begin.push(set(this.f.vector("limb"), load(i32(0), modulus + 16 * j)));
      for (let i = count - j; i < count; i++) {
        begin.push(this.#product(i + j, q[i], count, i === count - 1));
      }
    }
    begin.push(set(
      this.f.vector("carried"),
      addI64(this.f.vector(prefix + "carry"), this.f.vector(prefix + "high")),
    ));
    let rolled = count, woven: Code = [];
    if (side.length > 0 && count === rows) {
      const most = count + Math.floor((n - count) / unroll) * unroll;
      rolled = Math.min(
        count + Math.floor(this.peeled / unroll) * unroll,
        most,
      );
      const steps = Array.from(
        { length: rolled - count },
        (_, i) => this.#step(sweep, count + i),
      );
      woven = weave(steps, side, from, rolled - count);
    }
    return [
      begin,
      woven,
      this.#roll(sweep, rolled),
      this.#tail(sweep, null),
      count === rows ? [] : side,
    ];
  }

  /**
   * Quotient digits of a block from its lowest columns: q0, q1, ... and the carry
   * into the column after them (`carry` + `high`), all under `prefix`. With x the balanced
   * digit of a column, x + q M_0 is an exact multiple of 2^50 below 2^99, so that it needs no low part
   * (which also settles the tie x = -2^49, q = +-2^49).
   *
   * One operation depends on the one before all along, so the parts want to be
   * woven into a sweep.
   *
   * @param minus prefix of digits that are subtracted from the columns first
   * @param stop also keeps the carry after this many digits, under `prefix` + "short"
   */
  quotients(
    columns: number,
    count: number,
    prefix: string,
    { minus, stop = 0 }: { minus?: string; stop?: number } = {},
  ): Code[] {
    const { f, at } = this, code: Code[] = [];
    const v = (name: string) => f.vector(prefix + name);
    const [column, digit, next, high, low, limb] = [
      ...["column", "digit", "next", "chainHigh", "chainLow", "limb"],
    ].map(v);
    const carry = v("carry"), carriedHigh = v("high");
    const constant = (address: number) => load(i32(0), address);
    for (let k = 0; k < count; k++) {
      const q = v("q" + k);
      let sum: Code = constant(columns + 16 * k);
      if (minus !== undefined) {
        // The bits of 1.5*2^52 - q; the initial columns cancel the bias.
        sum = addI64(sum, sub(constant(at.low), f.vector(minus + "q" + k)));
      }
      if (k > 0) sum = addI64(addI64(sum, carry), carriedHigh);
      code.push(set(column, sum));
      for (let i = 0; i < k; i++) {
        const qi = v("q" + i), start = i === 0;
        const before = start ? constant(at.high) : high;
        code.push(
          [
            set(limb, constant(at.modulus + 16 * (k - i))),
            set(start ? high : next, madd(limb, qi, before)),
          ],
          start ? set(low, madd(limb, qi, sub(constant(at.highLow), high))) : [
            set(low, add(low, madd(limb, qi, sub(high, next)))),
            set(high, next),
          ],
        );
      }
      code.push(
        [
          k > 0 ? set(column, addI64(column, low)) : [],
          set(digit, this.balanced(column)),
        ],
        set(
          next,
          madd(digit, constant(at.modulus + 16 * at.n), constant(at.high)),
        ),
        set(
          q,
          madd(
            digit,
            constant(at.modulus + 16 * at.n),
            sub(constant(at.high), next),
          ),
        ),
        [
          set(
            carriedHigh,
            add(
              madd(q, constant(at.modulus), digit),
              k > 0 ? high : constant(at.high),
            ),
          ),
          set(carry, shiftRightU(column, limbBits)),
          k + 1 === stop
            ? [set(v("shortcarry"), carry), set(v("shorthigh"), carriedHigh)]
            : [],
        ],
      );
    }
    return code;
  }

  /** The balanced digit of a column, which is biased by half a limb. */
  balanced(column: Code): Code {
    const at = this.at;
    return sub(
      or(
        and(column, load(i32(0), at.mask)),
        load(i32(0), at.exponent),
      ),
      load(i32(0), at.centre),
    );
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
        set(high, madd(limb, row, load(i32(0), this.at.high))),
        set(low, madd(limb, row, sub(load(i32(0), this.at.highLow), high))),
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
   * @param at `cursor` is the byte of an unrolled loop's first limb, `place` the
   *   limb's place after it
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

  /** Steps from limb `begin`, or from byte `start` (a multiple of the unrolling), to the end. */
  #roll(sweep: Sweep, begin: number, start?: Local): Code {
    const { n } = this.at, unroll = unrollFor(sweep), cursor = this.#cursor;
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
    if (start === undefined) return [set(cursor, i32(16 * begin)), loop, rest];
    return [
      set(cursor, start),
      when(i32LtU(cursor, i32(16 * end)), loop),
      rest,
    ];
  }

  /**
   * Columns n .. n + rows - 1, where the chains run out.
   *
   * @param fresh points at the columns' initial values if this is the first sweep to
   *   reach them
   */
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

/** Steps a loop holds: the chains' locals must be back in place after it. */
const unrollFor = (sweep: Sweep) => sweep.rows.length === 3 ? 3 : 4;

/** `main` with `side` spread evenly over its parts [from, to). */
function weave(main: Code[], side: Code[], from: number, to: number): Code {
  const span = Math.max(1, to - from), code: Code[] = [];
  let done = 0;
  main.forEach((part, i) => {
    if (i >= from && i < to) {
      const due = Math.floor((i - from + 1) * side.length / span);
      while (done < due) code.push(side[done++]);
    }
    code.push(part);
  });
  return [code, side.slice(done)];
}
