/**
 * Re-randomisation of answers: a fresh N-th residue for each, so that nothing of
 * the inputs' randomness, which the gateway knows, is left.
 *
 * @module
 */
import { bitLength } from "../../../sdk/paillier/public/big_integer.ts";
import type {
  Arithmetic,
  Kernel,
} from "../../../sdk/paillier/public/kernel.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";
import type { PackedAnswer } from "../arithmetic/answers.ts";
import { ProductProgram } from "../arithmetic/product_program.ts";
import {
  baseCount,
  exponentBits,
  keyBase,
  randomiserBytes,
} from "./key_bases.ts";
import {
  cheapestCut,
  cutBases,
  type Group,
  subsetRows,
  tableEntries,
} from "./base_groups.ts";
import { nthPowers, nthPowersScratch } from "./nth_powers.ts";
import { uniformBelow, uniformBytes } from "./seed.ts";

/** Makes packed answers ready to leave. */
export interface Randomiser {
  /** Random bytes that an answer needs. */
  readonly bytesPerAnswer: number;
  /**
   * Multiplies answers by (1 + mask*N) and a random N-th residue each.
   *
   * @param answers (a, b): the answer is a + b*N
   * @param masks in [0, N)
   * @param random a separate source for each answer, of `bytesPerAnswer`
   * @param out receives the results, big-endian, one after another
   */
  randomise(
    answers: readonly PackedAnswer[],
    masks: readonly bigint[],
    random: readonly RandomSource[],
    out: Uint8Array,
  ): Generator<void, void>;
}

/** Inferences that a bank is expected to serve. */
const inferencesPerBank = 4;
/** Bases that are raised to N side by side. */
const powersAtOnce = 32;

/** Answers that are randomised between two yields. */
const answersPerYield = 32;
/** Entries that are tabled between two yields. */
const entriesPerYield = 1024;

const oneRegister = 0;
const fillerRegister = 1;
/** `answersPerYield` masked answers, then as many results. */
const firstAnswer = 2;
const firstResult = firstAnswer + answersPerYield;
const firstBase = firstResult + answersPerYield;

/** The number of groups that is cheapest for inferences of so many answers. */
export function bankGroups(answers: number, modulusBits: number): number {
  return cheapestCut(
    baseCount(modulusBits),
    inferencesPerBank * answers * exponentBits(modulusBits),
  );
}

/** Memory that a bank takes from the moment it is opened. */
export function bankBytes(
  kernel: Kernel,
  groupCount: number,
  modulusBits: number,
): number {
  const groups = cutBank(modulusBits, groupCount);
  return bankRegisters(groups) * kernel.registerBytes(modulusBits);
}

function cutBank(modulusBits: number, groupCount: number): Group[] {
  const bases = baseCount(modulusBits);
  return cutBases(bases, groupCount, firstBase + bases);
}

function bankRegisters(groups: readonly Group[]): number {
  const scratch = nthPowersScratch(powersAtOnce);
  return groups[0].table + Math.max(scratch, tableEntries(groups));
}

/**
 * The bases H_t = r_t^N of one key and tables of their products, in an arithmetic
 * of their own: with 16 groups 24,600 numbers modulo N^2, 16 MB at 2048 bits; with 14,
 * the fewest, 38 MB.
 *
 * A randomiser is prod H_t^(s_t), s_t uniform of `exponentBits` bits: nearly uniform
 * among the N-th residues (SECURITY, "Parameters").
 */
export class RandomiserBank implements Randomiser {
  readonly #kernel: Kernel;
  readonly #arithmetic: Arithmetic;
  readonly #program: ProductProgram;
  readonly #exponentBits: number;
  readonly #bases: number;
  readonly #groups: readonly Group[];

  private constructor(
    kernel: Kernel,
    modulus: bigint,
    modulusBits: number,
    groups: readonly Group[],
  ) {
    this.#kernel = kernel;
    this.#groups = groups;
    this.#arithmetic = kernel.open([modulus, modulus], bankRegisters(groups));
    this.#program = new ProductProgram(this.#arithmetic, fillerRegister);
    this.#exponentBits = exponentBits(modulusBits);
    this.#bases = baseCount(modulusBits);
    this.#arithmetic.loadPair(oneRegister, 0, 1n, 0n);
  }

  /** Memory that the bank takes. */
  get bytes(): number {
    const { moduli, registers } = this.#arithmetic;
    return registers * this.#kernel.registerBytes(bitLength(moduli[0]));
  }

  get bytesPerAnswer(): number {
    return randomiserBytes(bitLength(this.#arithmetic.moduli[0]));
  }

  /**
   * Computes the bank of a key: a full power for each base, and the tables.
   *
   * @param groupCount of `bankGroups`; the randomisers do not depend on it
   */
  static *build(
    kernel: Kernel,
    sealingKey: Uint8Array,
    modulus: bigint,
    groupCount: number,
  ): Generator<void, RandomiserBank> {
    const modulusBits = bitLength(modulus);
    const bases = baseCount(modulusBits);
    const groups = cutBank(modulusBits, groupCount);
    const bank = new RandomiserBank(kernel, modulus, modulusBits, groups);
    for (let t = 0; t < bases; t++) {
      const base = keyBase(sealingKey, modulus, t);
      bank.#arithmetic.loadPair(firstBase + t, 0, base, 0n);
    }
    // Before they are filled, the tables are the scratch of the powers.
    for (let t = 0; t < bases; t += powersAtOnce) {
      yield* nthPowers(bank.#program, {
        first: firstBase + t,
        count: Math.min(powersAtOnce, bases - t),
        scratch: firstBase + bases,
      });
    }
    yield* bank.#fillTables();
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
        const [a, b] = maskPair(answers[from + i], masks[from + i], n);
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
    const program = this.#program, groups = this.#groups;
    const indices = random.map((source) =>
      subsetRows(source(this.bytesPerAnswer), this.#bases, groups)
    );
    for (let bit = this.#exponentBits - 1; bit >= 0; bit--) {
      const leading = bit === this.#exponentBits - 1;
      for (let i = 0; !leading && i < random.length; i++) {
        program.multiply(firstResult + i, firstResult + i, firstResult + i);
      }
      for (let group = 0; group < groups.length; group++) {
        for (let i = 0; i < random.length; i++) {
          const entry = indices[i][bit * groups.length + group];
          // The left operand is read first and at once: it may be far from the caches.
          program.multiply(
            firstResult + i,
            groups[group].table + entry,
            leading && group === 0 ? oneRegister : firstResult + i,
          );
        }
      }
    }
    for (let i = 0; i < random.length; i++) {
      program.multiply(firstResult + i, firstResult + i, firstAnswer + i);
    }
    program.flush();
  }

  /** table + subset = product of the group's bases in the subset. */
  *#fillTables(): Generator<void, void> {
    const program = this.#program;
    for (const { from, to, table } of this.#groups) {
      program.multiply(table, oneRegister, oneRegister);
      for (let subset = 1; subset < 1 << (to - from); subset++) {
        const lowest = subset & -subset;
        const base = firstBase + from + 31 - Math.clz32(lowest);
        program.multiply(table + subset, table + (subset ^ lowest), base);
        if (subset % entriesPerYield === 0) yield;
      }
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
    for (let i = 0; i < count; i++) {
      arithmetic.loadPair(2 + i, 0, uniformBelow(n, random[i]), 0n);
      const [a, b] = maskPair(answers[i], masks[i], n);
      arithmetic.loadPair(2 + count + i, 0, a, b);
    }
    yield* nthPowers(program, { first: 2, count, scratch });
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
export function maskPair(
  [a, b]: PackedAnswer,
  mask: bigint,
  n: bigint,
): PackedAnswer {
  return [a, (b + a * mask) % n];
}
