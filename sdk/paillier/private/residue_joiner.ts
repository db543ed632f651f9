/**
 * The Chinese remainder theorem for any number of moduli.
 *
 * @module
 */
import { modInverse, modulo } from "../public/modular.ts";

/**
 * (M / m_i)^-1 modulo m_i for each of some moduli without common factors, M their product.
 *
 * @throws {RangeError} if two of them share a factor
 */
export function cofactorInverses(moduli: readonly bigint[]): bigint[] {
  const product = moduli.reduce((product, modulus) => product * modulus);
  return moduli.map((modulus) => modInverse(product / modulus, modulus));
}

/**
 * The Chinese remainder theorem for any number of moduli m_i without common factors,
 * M their product: x = sum of (x_i (M / m_i)^-1 mod m_i) M / m_i modulo M.
 *
 * Numbers are kept at one length, so that the time does not depend on them: 2 m_i is
 * added to what is multiplied, which changes nothing modulo M. (m_i would not do: sums
 * up to 2 m_i differ by a word where m_i fills its words.)
 */
export class ResidueJoiner {
  readonly #product: bigint;
  readonly #parts: readonly {
    modulus: bigint;
    double: bigint;
    cofactor: bigint;
    factor: bigint;
  }[];

  /** @param scales what each residue is to be multiplied by; 1 if left out */
  constructor(moduli: readonly bigint[], scales?: readonly bigint[]) {
    const product = moduli.reduce((product, modulus) => product * modulus);
    const inverses = cofactorInverses(moduli);
    this.#product = product;
    this.#parts = moduli.map((modulus, i) => ({
      modulus,
      double: 2n * modulus,
      cofactor: product / modulus,
      factor: modulo(inverses[i] * (scales?.[i] ?? 1n), modulus),
    }));
  }

  /** The x in [0, M) with x = residues[i] * scales[i] modulo m_i; residues above -m_i. */
  join(residues: readonly bigint[]): bigint {
    let sum = 0n;
    for (const [i, part] of this.#parts.entries()) {
      const { modulus, double, cofactor, factor } = part;
      sum += ((residues[i] + double) * factor % modulus + double) * cofactor;
    }
    return sum % this.#product;
  }
}
