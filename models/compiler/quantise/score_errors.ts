/**
 * What quantisation costs each score, about its mean over the calibration readings.
 *
 * @module
 */

export interface ScoreErrors {
  /**
   * The score that loses the largest share of its variation, and the root of that share
   * (1 - R^2); null where no score varies.
   */
  worst: { score: number; error: number } | null;
  /**
   * Scores that hardly vary over the readings, so that little is known of their error: it
   * is measured by the variation of the others.
   */
  constant: number;
}

/** A score that varies by less than this share of its mean is constant. */
const constantShare = 1e-6;

/**
 * Compares scores with those wanted.
 *
 * @param blocks equal parts of the output that are a score each: its elements, or the
 * channels of a picture
 */
export function scoreErrors(
  wanted: readonly ArrayLike<number>[],
  got: readonly ArrayLike<number>[],
  blocks: number,
): ScoreErrors {
  const variations = new Float64Array(blocks), lost = new Float64Array(blocks);
  const energies = new Float64Array(blocks);
  const length = wanted[0]?.length ?? 0, perBlock = length / blocks;
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (const values of wanted) sum += values[i];
    const mean = sum / wanted.length, block = Math.floor(i / perBlock);
    energies[block] += wanted.length * mean * mean;
    wanted.forEach((values, s) => {
      variations[block] += (values[i] - mean) ** 2;
      lost[block] += (values[i] - got[s][i]) ** 2;
    });
  }
  const varies = variations.map((variation, block) =>
    Number(variation > constantShare ** 2 * energies[block])
  );
  const varying = varies.reduce((sum, one) => sum + one, 0);
  const constant = blocks - varying;
  if (varying === 0) return { worst: null, constant };
  const typical = variations.reduce((sum, v, b) => sum + v * varies[b], 0) /
    varying;
  const errors = lost.map((loss, block) =>
    Math.sqrt(loss / (varies[block] ? variations[block] : typical))
  );
  const error = errors.reduce((max, value) => Math.max(max, value), 0);
  return { worst: { score: errors.indexOf(error), error }, constant };
}
