/**
 * Re-randomisation of answers: a fresh N-th residue for each, so that nothing of
 * the inputs' randomness, which the edge knows, is left (DESIGN section 8).
 */
import {
  bigIntFromBytes,
  bitLength,
  bytesFromBigInt,
} from "../../sdk/paillier/big_integer.ts";
import type { Arithmetic, Kernel } from "../../sdk/paillier/kernel.ts";
import type { RandomSource } from "../../sdk/random.ts";
import { ProductProgram } from "../layers/product_program.ts";
import { nthPowers, nthPowersScratch } from "./nth_powers.ts";
import { deriveKey, uniformBelow, uniformBytes } from "./seed.ts";

/** Makes packed answers ready to leave. */
export interface Randomiser {
  /** Random bytes that an answer needs. */
  readonly bytesPerAnswer: number;
  /**
   * Multiplies answers by (1 + mask*N) and a random N-th residue each.
   *
   * @param answers (a, b): the answer is a + b*N
   * @param masks in [0, N)
   * @param random for each answer a source of its own, of `bytesPerAnswer`
   * @param out receives the results, big-endian, one after another
   */
  randomise(
    answers: readonly PackedAnswer[],
    masks: readonly bigint[],
    random: readonly RandomSource[],
    out: Uint8Array,
  ): Generator<void, void>;
}

/** (a, b) for a + b*N, both in [0, N). */
export type PackedAnswer = readonly [a: bigint, b: bigint];

/** Bases of a key; their random powers together have 192 bits more than N. */
const bases = 40;
const surplusBits = 192;
/** Bases whose products for all subsets of exponent bits are tabled together. */
const jointBases = 10;
/** Each exponent is cut in two: half the squarings for twice the table. */
const pieces = 2;
const groups = pieces * bases / jointBases;
const entries = 1 << jointBases;

/** Answers that are randomised between two yields. */
const answersPerYield = 32;

const oneRegister = 0;
const fillerRegister = 1;
/** `answersPerYield` masked answers, then as many results. */
const firstAnswer = 2;
const firstResult = firstAnswer + answersPerYield;
const firstTable = firstResult + answersPerYield;
const firstBase = firstTable + groups * entries;
/** H_t^(2^pieceBits) */
const firstPiece = firstBase + bases;

/**
 * The bases H_t = r_t^N of one key and the table of their products, in an
 * arithmetic of their own: about 8,300 numbers modulo N^2, 5.4 MB at 2048 bits.
 *
 * A randomiser is prod H_t^(s_t), s_t uniform of `exponentBits` bits: by the
 * leftover hash lemma it is within 2^-96 of uniform among the N-th residues.
 */
export class RandomiserBank implements Randomiser {
  readonly #arithmetic: Arithmetic;
  readonly #program: ProductProgram;
  readonly #pieceBits: number;

  private constructor(kernel: Kernel, modulus: bigint, modulusBits: number) {
    this.#arithmetic = kernel.open(
      [modulus, modulus],
      firstBase + pieces * bases,
    );
    this.#program = new ProductProgram(this.#arithmetic, fillerRegister);
    this.#pieceBits = Math.ceil((modulusBits + surplusBits) / (bases * pieces));
    this.#arithmetic.loadPair(oneRegister, 0, 1n, 0n);
  }

  get bytesPerAnswer(): number {
    return 2 * this.#pieceBits * groups;
  }

  /** Computes the bank of a key: 40 full powers and the table. */
  static *build(
    kernel: Kernel,
    sealingKey: Uint8Array,
    modulus: bigint,
  ): Generator<void, RandomiserBank> {
    const modulusBits = bitLength(modulus);
    const bank = new RandomiserBank(kernel, modulus, modulusBits);
    const program = bank.#program;
    const n = bytesFromBigInt(modulus, Math.ceil(modulusBits / 8));
    for (let t = 0; t < bases; t++) {
      const wide = deriveKey(
        sealingKey,
        `randomiser base ${t}`,
        n,
        Math.ceil((modulusBits + 128) / 8),
      );
      bank.#arithmetic.loadPair(
        firstBase + t,
        0,
        bigIntFromBytes(wide) % modulus,
        0n,
      );
    }
    // Before it is filled, the table is the scratch of the powers.
    yield* nthPowers(program, firstBase, bases, oneRegister, firstTable);
    for (let t = 0; t < bases; t++) {
      program.multiply(firstPiece + t, firstBase + t, firstBase + t);
    }
    for (let bit = 1; bit < bank.#pieceBits; bit++) {
      for (let t = 0; t < bases; t++) {
        program.multiply(firstPiece + t, firstPiece + t, firstPiece + t);
      }
      yield;
    }
    yield* bank.#fillTable();
    return bank;
  }

  *randomise(
    answers: readonly PackedAnswer[],
    masks: readonly bigint[],
    random: readonly RandomSource[],
    out: Uint8Array,
  ): Generator<void, void> {
    const [n] = this.#arithmetic.moduli;
    const size = out.length / answers.length;
    // Between two yields no other call touches the registers of answers.
    for (let from = 0; from < answers.length; from += answersPerYield) {
      const count = Math.min(answersPerYield, answers.length - from);
      for (let i = 0; i < count; i++) {
        const [a, b] = masked(answers[from + i], masks[from + i], n);
        this.#arithmetic.loadPair(firstAnswer + i, 0, a, b);
      }
      this.#multiplyResidues(random.slice(from, from + count));
      for (let i = 0; i < count; i++) {
        const at = (from + i) * size;
        this.#arithmetic.store(firstResult + i, 0, out.subarray(at, at + size));
      }
      yield;
    }
  }

  /** result = answer * prod over t of H_t^(s_t): a comb over the bits of all s_t. */
  #multiplyResidues(random: readonly RandomSource[]): void {
    const program = this.#program;
    const indices = random.map((source) => this.#drawIndices(source));
    for (let bit = this.#pieceBits - 1; bit >= 0; bit--) {
      const leading = bit === this.#pieceBits - 1;
      for (let i = 0; !leading && i < random.length; i++) {
        program.multiply(firstResult + i, firstResult + i, firstResult + i);
      }
      for (let group = 0; group < groups; group++) {
        const table = firstTable + group * entries;
        for (let i = 0; i < random.length; i++) {
          const left = leading && group === 0 ? oneRegister : firstResult + i;
          program.multiply(
            firstResult + i,
            left,
            table + indices[i][bit * groups + group],
          );
        }
      }
    }
    for (let i = 0; i < random.length; i++) {
      program.multiply(firstResult + i, firstResult + i, firstAnswer + i);
    }
    program.flush();
  }

  /** For each bit and group the subset of bases: ten random bits. */
  #drawIndices(random: RandomSource): Uint16Array {
    const bytes = random(this.bytesPerAnswer);
    const indices = new Uint16Array(this.#pieceBits * groups);
    for (let i = 0; i < indices.length; i++) {
      indices[i] = (bytes[2 * i] << 8 | bytes[2 * i + 1]) & (entries - 1);
    }
    return indices;
  }

  /** T[group][subset] = product of the group's bases in the subset. */
  *#fillTable(): Generator<void, void> {
    const program = this.#program;
    for (let group = 0; group < groups; group++) {
      const table = firstTable + group * entries;
      program.multiply(table, oneRegister, oneRegister);
      for (let subset = 1; subset < entries; subset++) {
        const lowest = subset & -subset;
        const base = firstBase + group * jointBases + 31 - Math.clz32(lowest);
        program.multiply(table + subset, table + (subset ^ lowest), base);
      }
      yield;
    }
    program.flush();
  }
}

/** Full powers r^N, for inferences whose few answers do not repay a bank. */
export class PowerRandomiser implements Randomiser {
  readonly #kernel: Kernel;
  readonly #modulus: bigint;

  constructor(kernel: Kernel, modulus: bigint) {
    this.#kernel = kernel;
    this.#modulus = modulus;
  }

  get bytesPerAnswer(): number {
    return uniformBytes(bitLength(this.#modulus));
  }

  *randomise(
    answers: readonly PackedAnswer[],
    masks: readonly bigint[],
    random: readonly RandomSource[],
    out: Uint8Array,
  ): Generator<void, void> {
    const n = this.#modulus, count = answers.length;
    const scratch = 2 + 2 * count;
    const arithmetic = this.#kernel.open(
      [n, n],
      scratch + nthPowersScratch(count),
    );
    const program = new ProductProgram(arithmetic, fillerRegister);
    arithmetic.loadPair(oneRegister, 0, 1n, 0n);
    for (let i = 0; i < count; i++) {
      arithmetic.loadPair(2 + i, 0, uniformBelow(n, random[i]), 0n);
      const [a, b] = masked(answers[i], masks[i], n);
      arithmetic.loadPair(2 + count + i, 0, a, b);
    }
    yield* nthPowers(program, 2, count, oneRegister, scratch);
    for (let i = 0; i < count; i++) {
      program.multiply(2 + i, 2 + i, 2 + count + i);
    }
    program.flush();
    const size = out.length / count;
    for (let i = 0; i < count; i++) {
      arithmetic.store(2 + i, 0, out.subarray(i * size, (i + 1) * size));
    }
  }
}

/** (1 + mask*N)(a + b*N) modulo N^2. */
function masked([a, b]: PackedAnswer, mask: bigint, n: bigint): PackedAnswer {
  return [a, (b + a * mask) % n];
}
