/**
 * Assembles the kernel's module for a number of limbs.
 *
 * @module
 */
import { assemble } from "./assembler.ts";
import {
  canonicalFunction,
  combineFunction,
  joinFunction,
  packFunction,
  propagateFunction,
  unpackFunction,
} from "./conversions.ts";
import type { DigitFormat } from "./limbs.ts";
import { type Layout, layoutFor } from "./memory_layout.ts";
import { multiplyFunction, runFunction, squareFunction } from "./products.ts";

/** The functions of a module, see their emitters for what they do. */
export interface PairExports {
  readonly memory: WebAssembly.Memory;
  multiply(
    left0: number,
    left1: number,
    right0: number,
    right1: number,
    target0: number,
    target1: number,
  ): void;
  square(
    left0: number,
    left1: number,
    target0: number,
    target1: number,
  ): void;
  run(steps: number, registers: number): number;
  unpack(to: number, words: number): void;
  unpackInteger(to: number, words: number): void;
  combine(
    words: number,
    constants: number,
    powers: number,
    target: number,
  ): void;
  canonical(register: number, constants: number): void;
  join(register: number, constants: number): void;
  pack(digits: number, count: number): void;
}

export interface PairModule {
  readonly layout: Layout;
  readonly module: WebAssembly.Module;
}

const modules = new Map<DigitFormat, Map<number, PairModule>>();

/** The module for n limbs a component, assembled and compiled at its first use. */
export function pairModule(n: number, format: DigitFormat): PairModule {
  let sizes = modules.get(format);
  if (!sizes) modules.set(format, sizes = new Map());
  let made = sizes.get(n);
  if (!made) sizes.set(n, made = build(n, format));
  return made;
}

function build(n: number, format: DigitFormat): PairModule {
  const layout = layoutFor(n, format);
  // Functions call each other by their places in this record.
  const functions = {
    multiply: multiplyFunction(layout),
    square: squareFunction(layout),
    run: runFunction(layout, 0, 1),
    propagate: propagateFunction(layout, false),
    propagateBalanced: propagateFunction(layout, true),
    unpack: unpackFunction(layout, "big-endian"),
    unpackInteger: unpackFunction(layout, "little-endian"),
    combine: combineFunction(layout, 0, 4),
    canonical: canonicalFunction(layout, 3),
    join: joinFunction(layout),
    pack: packFunction(layout),
  };
  const bytes = assemble(functions, Math.ceil(layout.bank / 65536));
  return { layout, module: new WebAssembly.Module(bytes) };
}
