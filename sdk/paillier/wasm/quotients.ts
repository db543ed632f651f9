/**
 * Code of the kernel that finds the digits by which reduction multiplies the modulus.
 *
 * @module
 */
import {
  add,
  addI64,
  and,
  type Code,
  i32,
  load,
  madd,
  mul,
  or,
  set,
  shiftRightU,
  sub,
  type WasmFunction,
} from "./assembler.ts";
import type { Layout } from "./memory_layout.ts";

/** Which digits are found, and where they are kept. */
export interface FindQuotientsOptions {
  /** Address of the column window. */
  columns: number;
  /** Digits: one for each row of the block. */
  count: number;
  /** Begins the names of the locals that keep the digits and the carry. */
  prefix: string;
  /** Prefix of digits that are subtracted from the columns first. */
  minus?: string;
  /** Also keeps the carry after this many digits, under `prefix` + "short". */
  stop?: number;
}

/**
 * Code for the quotient digits of a block from its lowest columns, q0, q1, ..., and the carry
 * into the column after them (`carry`, and `high` where products have high parts), all
 * under `prefix`. One operation depends on the one before all along, so the parts want
 * to be woven into a sweep.
 */
export function findQuotients(
  f: WasmFunction,
  at: Layout,
  options: FindQuotientsOptions,
): Code[] {
  return at.format.fused
    ? findLongQuotients(f, at, options)
    : findShortQuotients(f, at, options);
}

/**
 * With I = -1/M mod 2^50 a digit d in [0, 2^50) gives q = d*I modulo 2^50, balanced. It is taken
 * as 2^52 + d, which needs no subtraction:
 *
 *     x = (2^52 + d)*I + (1.5*2^102 - 2^52 I), rounded to steps of 2^50
 *     q = (2^52 + d)*I + (1.5*2^102 - 2^52 I - x)
 *
 * d + q M_0 is a multiple of 2^50 below 2^99, so it needs no low part; the 2^52 that
 * comes with d is 4 in the next column, which the initial columns cancel.
 */
function findLongQuotients(
  f: WasmFunction,
  at: Layout,
  { columns, count, prefix, minus, stop }: FindQuotientsOptions,
): Code[] {
  const code: Code[] = [];
  const v = (name: string) => f.vector(prefix + name);
  const constant = (address: number) => load(i32(0), address);
  const [column, digit, next, high, low, limb] = [
    "column",
    "digit",
    "next",
    "chainHigh",
    "chainLow",
    "limb",
  ].map(v);
  const carry = v("carry"), carriedHigh = v("high");
  const inverse = constant(at.modulus + 16 * at.n);
  const inverseStart = constant(at.modulus + 16 * (at.n + 1));
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
      const qi = v("q" + i);
      code.push(
        set(limb, constant(at.modulus + 16 * (k - i))),
        i === 0
          ? [
            set(high, madd(limb, qi, constant(at.high))),
            set(low, madd(limb, qi, sub(constant(at.highLow), high))),
          ]
          : [
            set(next, madd(limb, qi, high)),
            set(low, add(low, madd(limb, qi, sub(high, next)))),
            set(high, next),
          ],
      );
    }
    code.push(
      [
        k === 0 ? [] : set(column, addI64(column, low)),
        set(digit, or(and(column, constant(at.mask)), constant(at.exponent))),
      ],
      set(next, madd(digit, inverse, inverseStart)),
      set(q, madd(digit, inverse, sub(inverseStart, next))),
      [
        set(
          carriedHigh,
          add(
            madd(q, constant(at.modulus), digit),
            k === 0 ? constant(at.high) : high,
          ),
        ),
        set(carry, shiftRightU(column, at.format.bits)),
        k + 1 !== stop ? [] : [
          set(v("shortcarry"), carry),
          set(v("shorthigh"), carriedHigh),
        ],
      ],
    );
  }
  return code;
}

/**
 * With I = -1/M mod 2^25 a digit d in [0, 2^25) gives q = d*I modulo 2^25, balanced. All
 * products are exact; one is rounded to a multiple of 2^25 by adding 1.5*2^77:
 *
 *     x = d*I + 1.5*2^77 - 1.5*2^77;  q = d*I - x
 *
 * The column and its products are then a multiple of 2^25, which is carried.
 */
function findShortQuotients(
  f: WasmFunction,
  at: Layout,
  { columns, count, prefix, minus, stop }: FindQuotientsOptions,
): Code[] {
  const code: Code[] = [];
  const v = (name: string) => f.vector(prefix + name);
  const constant = (address: number) => load(i32(0), address);
  const [column, digit, product, low] = [
    "column",
    "digit",
    "product",
    "chainLow",
  ].map(v);
  const carry = v("carry");
  for (let k = 0; k < count; k++) {
    const q = v("q" + k);
    let sum: Code = constant(columns + 16 * k);
    if (minus !== undefined) {
      // The bits of 1.5*2^52 - q; the initial columns cancel the bias.
      sum = addI64(sum, sub(constant(at.low), f.vector(minus + "q" + k)));
    }
    if (k > 0) sum = addI64(sum, carry);
    code.push([set(column, sum), set(low, constant(at.low))]);
    for (let i = 0; i < k; i++) {
      const limb = constant(at.modulus + 16 * (k - i));
      code.push(set(low, add(low, mul(limb, v("q" + i)))));
    }
    // The bits of where `low` starts are a multiple of 2^25.
    const bits = k === 0 ? column : addI64(column, low);
    code.push(
      set(
        digit,
        sub(
          or(and(bits, constant(at.mask)), constant(at.exponent)),
          constant(at.exponent),
        ),
      ),
      set(product, mul(digit, constant(at.modulus + 16 * at.n))),
      set(
        q,
        sub(
          product,
          sub(add(product, constant(at.round)), constant(at.round)),
        ),
      ),
      [
        set(low, add(low, mul(q, constant(at.modulus)))),
        set(carry, shiftRightU(addI64(column, low), at.format.bits)),
        k + 1 !== stop ? [] : set(v("shortcarry"), carry),
      ],
    );
  }
  return code;
}
