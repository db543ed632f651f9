/**
 * The paper's method, one number a ciphertext: its operations counted from the
 * shapes of a model, and what one of each costs with gmpy2 on this machine.
 *
 * @module
 */
import type { Manifest, Term } from "../../../models/package/format.ts";

export interface ElementwiseCounts {
  encryptions: number;
  decryptions: number;
  multiplyAdds: number;
}

/** Seconds that one operation takes. */
export interface ElementwiseCosts {
  encrypt: number;
  decrypt: number;
  /** Signed 8-bit fixed-point weight, the paper's codec. */
  multiplyFixed: number;
  /** Double-precision weight, as python-paillier encodes it. */
  multiplyFloat: number;
  add: number;
}

/**
 * Operations of one sample: every input and every activation before pooling is
 * encrypted (the paper pools in the cloud), every accumulator decrypted, every
 * weight met once per output position. Additions of pooling are left out, in
 * favour of this method.
 */
export function elementwiseCounts(manifest: Manifest): ElementwiseCounts {
  const counts = {
    encryptions: product(manifest.inputs[0].shape),
    decryptions: 0,
    multiplyAdds: 0,
  };
  manifest.rounds.forEach((round, index) => {
    const outputs = product(round.outputShape);
    counts.decryptions += outputs;
    if (index < manifest.rounds.length - 1) counts.encryptions += outputs;
    for (const term of round.terms) {
      counts.multiplyAdds += outputs * weightsPerOutput(term);
    }
  });
  return counts;
}

function weightsPerOutput(term: Term): number {
  return term.kind === "dense"
    ? term.length
    : term.inputShape[0] / term.groups * product(term.kernel);
}

const product = (shape: readonly number[]): number =>
  shape.reduce((size, length) => size * length, 1);

/** Seconds of one sample, with fixed-point or floating-point weights. */
export function elementwiseSeconds(
  counts: ElementwiseCounts,
  costs: ElementwiseCosts,
  weights: "fixed" | "float",
): number {
  const multiply = weights === "fixed"
    ? costs.multiplyFixed
    : costs.multiplyFloat;
  return counts.encryptions * costs.encrypt +
    counts.decryptions * costs.decrypt +
    counts.multiplyAdds * (multiply + costs.add);
}
