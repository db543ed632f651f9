/**
 * The fast kernels: products of float64 digits, two independent numbers side by side.
 *
 * @module
 */
import type { Arithmetic, Kernel, Lane } from "../public/kernel.ts";
import { bitLength } from "../public/big_integer.ts";
import { instantiate } from "./instance.ts";
import { type Layout, maxWords } from "./memory_layout.ts";
import {
  type DigitFormat,
  longDigits,
  registerBytes,
  shortDigits,
} from "./limbs.ts";
import type { PairExports } from "./pair_module.ts";

/**
 * Products by fused multiply-adds in WebAssembly, two independent numbers side by
 * side. Right only where relaxed SIMD fuses: take it from `selectKernel`, which
 * tests that.
 */
export const wasmKernel = kernelOf("wasm", longDigits);

/** The same with digits of half the length and no multiply-adds: half as fast, right everywhere. */
export const unfusedKernel = kernelOf("wasm-unfused", shortDigits);

function kernelOf(name: Kernel["name"], format: DigitFormat): Kernel {
  return {
    name,
    registerBytes: (modulusBits) => registerBytes(modulusBits, format),
    open: (moduli, registers) => new WasmArithmetic(moduli, registers, format),
  };
}

/**
 * Which moduli the two lanes reduce by: each its own, or both that of one lane. The
 * places in the module's `moduli`.
 */
type LaneModuli = 0 | 1 | 2;
const ownModuli = 0;
const bothModuliOf = (lane: Lane): LaneModuli => lane === 0 ? 1 : 2;

const pageBytes = 65536;

/** The bank lies in the memory of a module instance, in Montgomery form. */
class WasmArithmetic implements Arithmetic {
  readonly #layout: Layout;
  readonly #code: PairExports;
  readonly #equalModuli: boolean;
  #laneModuli: LaneModuli = ownModuli;
  #registers = 0;
  /** Length of the input that was staged last; before it lie zeros. */
  #staged = 0;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(
    readonly moduli: readonly [bigint, bigint],
    registers: number,
    format: DigitFormat,
  ) {
    const lengths = moduli.map(bitLength);
    const [shortest, longest] = [Math.min(...lengths), Math.max(...lengths)];
    const odd = moduli.every((modulus) => modulus % 2n === 1n);
    if (!odd || shortest < 200 || longest > 4096 || longest > shortest + 50) {
      throw new RangeError(
        `Cannot open arithmetic: expected odd moduli of 200 to 4096 bits and about equal length, got ${
          odd ? "" : "an even one, "
        }${lengths.join(" and ")} bits`,
      );
    }
    const { layout, code } = instantiate(moduli, format);
    this.#layout = layout;
    this.#code = code;
    this.#bytes = new Uint8Array(this.#code.memory.buffer as ArrayBuffer);
    this.#equalModuli = moduli[0] === moduli[1];
    this.reserve(registers);
  }

  get registers(): number {
    return this.#registers;
  }

  reserve(registers: number): void {
    const { bank, registerBytes } = this.#layout;
    const missing = bank + registers * registerBytes - this.#bytes.length;
    if (missing > 0) {
      this.#code.memory.grow(Math.ceil(missing / pageBytes));
      this.#bytes = new Uint8Array(this.#code.memory.buffer as ArrayBuffer);
    }
    this.#registers = Math.max(registers, this.#registers);
  }

  load(register: number, lane: Lane, bytes: Uint8Array): void {
    const { n, format, scratch, wordPowers } = this.#layout;
    // A carry out of the last word would be lost, hence the bit more; words go in twos.
    const words = 2 * Math.ceil((8 * bytes.length + 1) / (2 * format.bits * n));
    if (words > maxWords) {
      throw new RangeError(
        `Cannot load number: expected at most 8 times the modulus's length, got ${bytes.length} bytes`,
      );
    }
    this.#stage(bytes);
    this.#code.unpack(scratch, words);
    this.#combine(register, lane, words, wordPowers);
  }

  loadPair(register: number, lane: Lane, a: bigint, b: bigint): void {
    const { scratch, registerBytes, pairPowers } = this.#layout;
    // The order of the constants that they are multiplied by: M R^2, R^2.
    this.#unpackInteger(b, lane, scratch);
    this.#unpackInteger(a, lane, scratch + registerBytes);
    this.#combine(register, lane, 2, pairPowers);
  }

  store(register: number, lane: Lane, out: Uint8Array): void {
    const { n, digits, outputBytes } = this.#layout;
    const plain = this.#leave(register, lane);
    this.#code.join(plain, this.#constants(lane));
    this.#code.pack(digits, 2 * n);
    const bytes = this.#output(outputBytes);
    if (out.length < bytes.length) {
      if (bytes.subarray(out.length).some((byte) => byte !== 0)) {
        throw new RangeError(
          `Cannot store number: expected room for it, got ${out.length} bytes`,
        );
      }
      out.set(bytes.subarray(0, out.length));
    } else {
      out.set(bytes);
      out.fill(0, bytes.length);
    }
    out.reverse();
  }

  storePair(register: number, lane: Lane): [a: bigint, b: bigint] {
    const { n, output } = this.#layout;
    const count = Math.ceil(bitLength(this.moduli[lane]) / 64);
    const words = new BigUint64Array(this.#bytes.buffer, output, count);
    const plain = this.#leave(register, lane);
    const component = (address: number) => {
      this.#code.pack(address, n);
      return integerFromWords(words);
    };
    return [component(plain), component(plain + 8 * n)];
  }

  run(program: Uint32Array): void {
    const { program: address, programSteps } = this.#layout;
    this.#useModuli(ownModuli);
    const words = new Uint32Array(
      this.#bytes.buffer,
      address,
      6 * programSteps,
    );
    for (let at = 0; at < program.length; at += words.length) {
      const chunk = program.subarray(at, at + words.length);
      words.set(chunk);
      // A step without a second product: lane 1 works on the idle register.
      if (chunk.length % 6 !== 0) {
        words.fill(-1, chunk.length, chunk.length + 3);
      }
      const steps = Math.ceil(chunk.length / 6);
      const left = this.#code.run(steps, this.#registers);
      if (left > 0) {
        throw new RangeError(
          `Cannot run program: expected registers 0 to ${
            this.#registers - 1
          }, got [${chunk.subarray(6 * (steps - left)).subarray(0, 6)}]`,
        );
      }
    }
  }

  /** The register out of Montgomery form, canonical, at the returned address. */
  #leave(register: number, lane: Lane): number {
    this.#check(register);
    const { scratch, registerBytes, one } = this.#layout;
    this.#useModuli(ownModuli);
    const idle = this.#address(-1), from = this.#address(register);
    this.#code.multiply(
      lane === 0 ? from : idle,
      lane === 1 ? from : idle,
      this.#constants(0) + one,
      this.#constants(1) + one,
      scratch,
      scratch + registerBytes,
    );
    const plain = scratch + lane * registerBytes;
    this.#code.canonical(plain, this.#constants(lane));
    return plain;
  }

  #combine(
    register: number,
    lane: Lane,
    words: number,
    powers: number,
  ): void {
    this.#check(register);
    this.#useModuli(bothModuliOf(lane));
    const constants = this.#constants(lane);
    this.#code.combine(
      words,
      constants,
      constants + powers,
      this.#address(register),
    );
  }

  #check(register: number): void {
    if (!(register >= 0 && register < this.#registers)) {
      throw new RangeError(
        `Cannot use register: expected 0 to ${
          this.#registers - 1
        }, got ${register}`,
      );
    }
  }

  #address(register: number): number {
    return this.#layout.bank + register * this.#layout.registerBytes;
  }

  #constants(lane: Lane): number {
    return this.#layout.constants + lane * this.#layout.constantBytes;
  }

  #output(length: number): Uint8Array {
    const { output } = this.#layout;
    return this.#bytes.subarray(output, output + length);
  }

  /** One component of a pair to the register (value, 0) at `address`. */
  #unpackInteger(value: bigint, lane: Lane, address: number): void {
    if (value < 0n || value >= this.moduli[lane]) {
      throw new RangeError(
        "Cannot load pair: expected both integers from 0 to the modulus less 1",
      );
    }
    const { integer, integerWords } = this.#layout;
    const { buffer } = this.#bytes;
    writeWords(value, new BigUint64Array(buffer, integer, integerWords));
    this.#code.unpackInteger(address, 1);
  }

  /** Puts `bytes` before `inputEnd`, zeros before them. */
  #stage(bytes: Uint8Array): void {
    const { inputEnd } = this.#layout;
    if (bytes.length < this.#staged) {
      this.#bytes.fill(0, inputEnd - this.#staged, inputEnd - bytes.length);
    }
    this.#bytes.set(bytes, inputEnd - bytes.length);
    this.#staged = bytes.length;
  }

  #useModuli(choice: LaneModuli): void {
    if (this.#equalModuli || choice === this.#laneModuli) return;
    const { moduli, modulus, modulusVectors } = this.#layout;
    const from = moduli + choice * 16 * modulusVectors;
    this.#bytes.copyWithin(modulus, from, from + 16 * modulusVectors);
    this.#laneModuli = choice;
  }
}

/**
 * The integer that 64-bit words spell, least significant first: several times faster
 * than through hexadecimal text.
 */
function integerFromWords(words: BigUint64Array): bigint {
  const join = (from: number, to: number): bigint => {
    if (to - from === 1) return words[from];
    const middle = (from + to) >> 1;
    return join(middle, to) << BigInt(64 * (middle - from)) |
      join(from, middle);
  };
  return words.length === 0 ? 0n : join(0, words.length);
}

/** Fills `words` with 0 <= value < 2^(64 * words.length). */
function writeWords(value: bigint, words: BigUint64Array): void {
  for (let i = 0; i < words.length; i++) {
    words[i] = value; // the element keeps the lowest 64 bits
    value >>= 64n;
  }
}
