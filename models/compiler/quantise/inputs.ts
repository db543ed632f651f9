/**
 * How readings become integers: one scale for all elements of an input, or one for
 * each element of a vector or channel of a map where their units differ.
 *
 * @module
 */
import { elementCount } from "../../../sdk/fixed_point/integer_tensor.ts";
import { integersWithin } from "../../../sdk/fixed_point/quantise.ts";
import type { InputSpec } from "../../../sdk/wire/values.ts";
import { inputReadings } from "../float_reference.ts";
import type {
  FloatInput,
  FloatNetwork,
  FloatTerm,
  IntegerGrid,
} from "../ir.ts";
import { givenRounds } from "./given.ts";
import { columnsOfRow, type QuantisedActivation } from "./activation.ts";
import { integerBounds, rangeMargin } from "./range.ts";
import { batchMap } from "../../simulate/batch_map.ts";

type Readings = readonly ArrayLike<number>[];

/** Readings on which the two choices are compared, at most. */
const comparedReadings = 64;
/**
 * Share of the variation behind an input that rounding may cost before its elements
 * get separate scales: far below the error that bits are chosen for.
 */
const maxNoise = 2e-5;

/**
 * Chooses how readings become integers.
 *
 * @param readings the calibration's, input after input
 * @param range the least and most of all values; default: as seen in calibration
 */
export function chooseInputs(
  network: FloatNetwork,
  readings: Readings,
  bits: number,
  range?: [min: number, max: number],
): InputSpec[] {
  const parts = inputReadings(network, readings);
  const given = givenRounds(network);
  return network.inputs.map((input, i) => {
    if (input.grid) return takeGivenIntegers(input, input.grid);
    const whole = given.size > 0 && keepWholeNumbers(input, parts[i], bits);
    if (whole) return whole;
    const together = oneScale(input, range ?? extremes(parts[i], bits), bits);
    const blocks = input.shape[0];
    if (range || blocks === 1 || readings.length < 2) return together;
    const ranges = Array.from(
      { length: blocks },
      (_, block) => extremes(parts[i], bits, { block, blocks }),
    );
    const span = together.scale[0] * (together.high - together.low);
    const differ = ranges.some(([min, max]) =>
      max > min && 2 * (max - min) < span
    );
    if (!differ) return together;
    const terms = network.rounds.flatMap(({ terms }) =>
      terms.filter(({ reads }) => reads === input.name)
    );
    const apart = scaleEach(input, terms, ranges, bits);
    const noise = noiseMeter(input, terms, parts[i]);
    const cost = noise(together);
    return cost > maxNoise && cost > 4 * noise(apart) ? apart : together;
  });
}

/** Share of a step below which a zero is one but for rounding. */
const nothing = 1e-6;

/** The calibration readings in integers. */
export function quantiseInputs(
  network: FloatNetwork,
  readings: Readings,
  specs: readonly InputSpec[],
): Map<string, QuantisedActivation> {
  const parts = inputReadings(network, readings);
  return new Map(network.inputs.map(({ name, gain, offset }, i) => {
    const spec = specs[i];
    const zeros = spec.offset.map((zero) => zero * gain + offset);
    return [name, {
      low: spec.low,
      high: spec.high,
      scales: Float64Array.from(spec.scale, (scale) => scale * gain),
      zeros: zeros.some((zero, b) => Math.abs(zero) > nothing * spec.scale[b])
        ? Float64Array.from(zeros)
        : null,
      samples: parts[i].map((part) => integersWithin(part, spec)),
    }];
  }));
}

function describe({ name, shape }: FloatInput) {
  return { name, shape, labels: null, units: null };
}

/** The integers that the model itself rounds to. */
function takeGivenIntegers(
  input: FloatInput,
  { scale, low, high }: IntegerGrid,
): InputSpec {
  const { gain, offset } = input;
  return {
    ...describe(input),
    scale: [scale / gain],
    offset: [0 - offset / gain],
    low,
    high,
  };
}

/** Readings that are integers, which fit the bits, as they are: for models of integers. */
function keepWholeNumbers(
  input: FloatInput,
  readings: Readings,
  bits: number,
): InputSpec | null {
  let min = 0, max = 0;
  for (const reading of readings) {
    for (let i = 0; i < reading.length; i++) {
      if (!Number.isInteger(reading[i])) return null;
      min = Math.min(min, reading[i]);
      max = Math.max(max, reading[i]);
    }
  }
  const low = min < 0 ? -(2 ** (bits - 1)) : 0, high = low + 2 ** bits - 1;
  const isPlain = input.offset === 0 && min >= low && max <= high && max > min;
  return isPlain
    ? { ...describe(input), scale: [1], offset: [0], low, high }
    : null;
}

function oneScale(
  input: FloatInput,
  [min, max]: [number, number],
  bits: number,
): InputSpec {
  // An integer 0 must stand for an activation of 0: padding is made of zeros.
  const zero = 0 - input.offset / input.gain;
  const [below, above] = [Math.min(0, min - zero), Math.max(0, max - zero)];
  const { low, high } = integerBounds(below, above, bits);
  const scale = Math.max(above / high, low < 0 ? below / low : 0) || 1;
  return { ...describe(input), scale: [scale], offset: [zero], low, high };
}

/**
 * A scale and offset for each block, so that its range takes all integers. A block
 * that does not vary may come to vary as far as moves the next layer no more than the
 * others do: its scale must not cost their weights' precision.
 */
function scaleEach(
  input: FloatInput,
  terms: readonly FloatTerm[],
  ranges: readonly [min: number, max: number][],
  bits: number,
): InputSpec {
  const high = 2 ** bits - 1;
  const weights = largestWeights(terms, ranges.length);
  const widest = ranges.reduce(
    (reach, [min, max], block) => Math.max(reach, weights[block] * (max - min)),
    0,
  );
  const reach = ranges.map(([min, max], block) =>
    max > min ? max - min : widest / weights[block]
  );
  const scale = reach.map((range) =>
    range > 0 && Number.isFinite(range) ? range / high : 1
  );
  const offset = ranges.map(([min, max], block) =>
    max > min ? min : min - scale[block] * Math.round(high / 2)
  );
  return { ...describe(input), scale, offset, low: 0, high };
}

/** Largest weight on any element of each block. */
function largestWeights(
  terms: readonly FloatTerm[],
  blocks: number,
): Float64Array {
  const largest = new Float64Array(blocks);
  for (const term of terms) {
    const { map } = term;
    const columns = map.kind === "convolution" ? map.input[0] : map.columns;
    const rows = map.kind === "convolution" ? map.output[0] : map.rows;
    for (let row = 0, at = 0; row < rows; row++) {
      for (const column of columnsOfRow(term, row)) {
        const block = Math.floor(column * blocks / columns);
        const weight = Math.abs(map.weights[at++]);
        largest[block] = Math.max(largest[block], weight);
      }
    }
  }
  return largest;
}

/** Energy of the rounding errors behind the maps that read an input, as a share of the variation there. */
function noiseMeter(
  { gain }: FloatInput,
  terms: readonly FloatTerm[],
  readings: Readings,
): (spec: InputSpec) => number {
  const step = Math.ceil(readings.length / comparedReadings);
  const some = readings.filter((_, i) => i % step === 0);
  const mapped = (samples: Float64Array[]) =>
    terms.map(({ map }) => {
      const outputs = samples.map(() =>
        new Float64Array(
          map.kind === "convolution" ? elementCount(map.output) : map.rows,
        )
      );
      batchMap(map, "f64")(samples, outputs);
      return outputs;
    });
  const centre = some.length > 0
    ? Float64Array.from(
      some[0],
      (_, i) => some.reduce((sum, values) => sum + values[i], 0) / some.length,
    )
    : new Float64Array();
  const variation = energy(
    mapped(
      some.map((reading) =>
        Float64Array.from(reading, (x, i) => gain * (x - centre[i]))
      ),
    ),
  );
  return (spec) => {
    const errors = some.map((reading) => {
      const length = reading.length / spec.scale.length;
      return integersWithin(reading, spec).map((integer, i) => {
        const block = Math.floor(i / length);
        const real = integer * spec.scale[block] + spec.offset[block];
        return gain * (real - reading[i]);
      });
    });
    return variation > 0 ? energy(mapped(errors)) / variation : 0;
  };
}

function energy(terms: Float64Array[][]): number {
  let sum = 0;
  for (const samples of terms) {
    for (const values of samples) for (const v of values) sum += v * v;
  }
  return sum;
}

/**
 * Least and most value, of all or of one of equal blocks. An extreme that occurs once may be passed in use and gets
 * a margin; one that recurs is the sensor's own limit.
 */
function extremes(
  readings: Readings,
  bits: number,
  { block, blocks } = { block: 0, blocks: 1 },
): [min: number, max: number] {
  let min = Infinity, max = -Infinity, leasts = 0, mosts = 0;
  const length = readings[0].length / blocks;
  for (const reading of readings) {
    for (let i = block * length; i < (block + 1) * length; i++) {
      const value = reading[i];
      if (value < min) [min, leasts] = [value, 0];
      if (value > max) [max, mosts] = [value, 0];
      if (value === min) leasts++;
      if (value === max) mosts++;
    }
  }
  const count = readings.length * length;
  const extra = (max - min) / 2 * (rangeMargin(bits, count) - 1);
  return [
    leasts > 1 ? min : min - extra,
    mosts > 1 ? max : max + extra,
  ];
}
