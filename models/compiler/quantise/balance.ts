/**
 * Scales of channels that share one multiplier. A round's accumulators are narrowed by
 * one factor for all channels, so that a channel whose accumulators stay small beside
 * the others' is left with few steps. Coarser weights in the channels of large
 * accumulators (mostly those that a residual connection feeds) cost them little and
 * give the others their share.
 *
 * @module
 */

/** What balancing knows of a channel. */
export interface Channel {
  /** Least scale that its weights want. */
  scale: number;
  /** Largest magnitude of what the round writes there, in real units. */
  reach: number;
  variance: number;
  /**
   * Whether what is written there varies by less than one step of the activation: any
   * scale does, and its own must not take the steps of the others.
   */
  isConstant: boolean;
  /** The nearest scale, not much below `scale`, that keeps a residual connection exact. */
  exact: (scale: number) => number;
  /** Squared error, in real units, that rounding the weights at `scale` makes. */
  weightError: (scale: number) => number;
}

/** Ratios tried: each is finer than the one before by 2^(1/4). */
const maxSteps = 48;

/**
 * @param levels steps that the activation has
 * @returns for each channel the scale for which the noise of weights and activation is
 * least in sum. A channel's noise counts relative to its own variance and the mean of
 * all together: readers may amplify a weak channel, but not one that hardly varies.
 */
export function balanceScales(
  channels: readonly Channel[],
  levels: number,
): Float64Array {
  const ratios = channels.filter(({ isConstant }) => !isConstant)
    .map(({ reach, scale }) => reach / scale);
  const max = Math.max(...ratios);
  let best = Float64Array.from(channels, ({ scale }) => scale);
  if (!(max > 0)) return best;
  let min = Infinity;
  const typical = channels.reduce((sum, { variance }) => sum + variance, 0) /
    channels.length;
  const smallest = Math.min(...ratios.filter((ratio) => ratio > 0));
  for (let step = 0; step <= maxSteps; step++) {
    const ratio = max * 2 ** (-step / 4);
    if (ratio < smallest) break;
    const scales = Float64Array.from(
      channels,
      ({ scale, reach, exact }) =>
        reach / ratio > scale ? exact(reach / ratio) : scale,
    );
    let noise = 0;
    channels.forEach(({ variance, weightError }, i) => {
      const activationError = (scales[i] * ratio / levels) ** 2 / 12;
      noise += (weightError(scales[i]) + activationError) /
        (variance + typical);
    });
    if (noise < min) [best, min] = [scales, noise];
  }
  return best;
}
