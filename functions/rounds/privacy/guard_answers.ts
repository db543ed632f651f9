/**
 * What a round's guard makes of its answers, all from the request's seed: factors
 * on the ciphertexts and addends on the plaintexts.
 *
 * @module
 */
import type { RoundGuard } from "../../../models/protections/guard_model.ts";
import type { RandomSource } from "../../../sdk/support/random.ts";
import type { RoundLayout } from "../../../sdk/wire/plan.ts";
import { valuesInAnswer } from "../../../sdk/fixed_point/layout.ts";
import { bigIntFromBytes } from "../../../sdk/paillier/public/big_integer.ts";
import type { AnswerRange } from "../arithmetic/answers.ts";
import { seedSources, uniformBelow, uniformBytes } from "./seed.ts";

/** What is added to a value: one number in all its slots, or one a slot. */
export type Addend = number | readonly number[];

export interface AnswerGuard {
  /** For each answer of the range: its plaintext is multiplied by this first. */
  factors: readonly number[] | null;
  /** Instead of the bias of the value at `place` of answer number `i` of the range. */
  addend(i: number, place: number, bias: Addend): Addend;
}

/** What a round's randomness comes from. */
export interface GuardSeeds {
  /** Of the request. */
  request: Uint8Array;
  /** Of the output's order: the next round knows it too. */
  order: Uint8Array;
}

const noiseBytes = 8;

/** The guard of the answers of `range`, the same for every way to cut a round in ranges. */
export async function guardAnswers(
  guard: RoundGuard,
  layout: RoundLayout,
  range: AnswerRange,
  seeds: GuardSeeds,
): Promise<AnswerGuard> {
  switch (guard.kind) {
    case "disturbed":
      return await disturb(guard.amplitude, layout, range, seeds.request);
    case "blinded":
      return await blind(guard, layout, range, seeds.request);
    case "compared":
      return await signAndScale(guard, range, seeds);
    default:
      return { factors: null, addend: (_i, _place, bias) => bias };
  }
}

/**
 * The noise on answers of `range`: for each answer one number for each useful slot
 * of each place, in [-amplitude, amplitude].
 */
export function disturbance(
  amplitude: number,
  layout: RoundLayout,
  range: AnswerRange,
  requestSeed: Uint8Array,
): Promise<Float64Array[]> {
  return noise(2 * amplitude + 1, layout, range, requestSeed).then((drawn) =>
    drawn.map((values) => values.map((value) => value - amplitude))
  );
}

async function disturb(
  amplitude: number,
  layout: RoundLayout,
  range: AnswerRange,
  requestSeed: Uint8Array,
): Promise<AnswerGuard> {
  const drawn = await disturbance(amplitude, layout, range, requestSeed);
  const slots = usefulSlots(layout);
  return {
    factors: null,
    addend: (i, place, bias) =>
      Array.from(
        drawn[i].subarray(place * slots, (place + 1) * slots),
        (value, slot) => value + at(bias, slot),
      ),
  };
}

/** scale * (ranks*z + rank) + noise + shift, in order of the sums but for nothing else. */
async function blind(
  guard: Extract<RoundGuard, { kind: "blinded" }>,
  layout: RoundLayout,
  range: AnswerRange,
  requestSeed: Uint8Array,
): Promise<AnswerGuard> {
  const { ranks, scaleBits, shiftLimit } = guard;
  const shiftBytes = uniformBytes(53);
  const [random] = await seedSources(
    requestSeed,
    "blinding",
    { from: 0, to: 1 },
    scaleBytes + layout.samples * shiftBytes,
  );
  const scale = drawScale(scaleBits >> 1, scaleBits, random);
  const shifts = Array.from(
    { length: layout.samples },
    () => Number(uniformBelow(BigInt(2 * shiftLimit + 1), random)) - shiftLimit,
  );
  const drawn = await noise(scale, layout, range, requestSeed);
  const first = range.from * layout.valuesPerCiphertext;
  return {
    factors: drawn.map(() => scale * ranks),
    addend: (i, place, bias) => {
      const rank = first + i * layout.valuesPerCiphertext + place;
      return shifts.map((shift, slot) =>
        scale * (ranks * at(bias, slot) + rank) + shift +
        drawn[i][place * layout.samples + slot]
      );
    },
  };
}

/** sign * (scale * (2d + 1) + noise), a scale and a sign for each answer. */
async function signAndScale(
  { scaleBits }: Extract<RoundGuard, { kind: "compared" }>,
  range: AnswerRange,
  seeds: GuardSeeds,
): Promise<AnswerGuard> {
  const sources = await seedSources(
    seeds.request,
    "comparison",
    range,
    scaleBytes + uniformBytes(53),
  );
  const signs = await comparisonSigns(seeds.order, range);
  const drawn = sources.map((random) => {
    const scale = drawScale(minComparedBits, scaleBits, random);
    const spread = Number(uniformBelow(BigInt(2 * scale - 1), random));
    return { scale, noise: spread - (scale - 1) };
  });
  return {
    factors: drawn.map(({ scale }, i) => signs[i] * 2 * scale),
    addend: (i, _place, bias) =>
      signs[i] * (drawn[i].scale * (2 * at(bias, 0) + 1) + drawn[i].noise),
  };
}

/** Least bits of a scale: the noise is below the scale and must be worth something. */
const minComparedBits = 4;
const scaleBytes = 12;

/** Signs of the comparisons in `range`, 1 or -1 each. */
export async function comparisonSigns(
  orderSeed: Uint8Array,
  range: AnswerRange,
): Promise<number[]> {
  const sources = await seedSources(orderSeed, "signs", range, 1);
  return sources.map((random) => (random(1)[0] & 1) === 1 ? 1 : -1);
}

/** 2^k plus a uniform number below it, k uniform in [minBits, bits): near log-uniform. */
function drawScale(
  minBits: number,
  bits: number,
  random: RandomSource,
): number {
  const bytes = random(scaleBytes);
  const exponent = minBits +
    Number(bigIntFromBytes(bytes.subarray(0, 6)) % BigInt(bits - minBits));
  const low = bigIntFromBytes(bytes.subarray(6)) % (1n << BigInt(exponent));
  return 2 ** exponent + Number(low);
}

/** Uniform integers in [0, width), one for each useful slot of each place of each answer. */
async function noise(
  width: number,
  layout: RoundLayout,
  range: AnswerRange,
  requestSeed: Uint8Array,
): Promise<Float64Array[]> {
  const slots = usefulSlots(layout);
  const sources = await seedSources(
    requestSeed,
    "noise",
    range,
    layout.valuesPerCiphertext * slots * noiseBytes,
  );
  return sources.map((random, i) => {
    const count = valuesInAnswer(layout, range.from + i) * slots;
    const bytes = random(count * noiseBytes);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    return Float64Array.from({ length: count }, (_, n) => {
      // 53 random bits, of which the width takes at most 24.
      const unit = (view.getUint32(8 * n) >>> 5) * 2 ** 26 +
        (view.getUint32(8 * n + 4) >>> 6);
      return unit % width;
    });
  });
}

/** Slots of a value that the gateway reads. */
export function usefulSlots(layout: RoundLayout): number {
  return layout.kind === "dense"
    ? layout.samples
    : layout.grid[0] * layout.grid[1] * layout.samples;
}

function at(addend: Addend, slot: number): number {
  return typeof addend === "number" ? addend : addend[slot];
}
