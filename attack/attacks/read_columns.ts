/**
 * Reads the columns of a layer from unit inputs, for several attacks.
 *
 * @module
 */
import { sum } from "../../sdk/support/numbers.ts";
import type { CurvePoint } from "../report/report.ts";
import type { AttackContext } from "../client/attack_context.ts";
import { uniformFrom } from "../measure/uniform.ts";
import { unitInputs } from "./direct.ts";

export interface ReadOptions {
  round: number;
  token: Uint8Array;
  samples: number;
  columns: number;
  inputs: number;
  high: number;
  /** Answers come under a scale of the call's own, and a shift of the sample's own. */
  scaled: boolean;
  /** Share of the weights that the rows found so far tell. */
  recovered: (found: Float64Array[]) => number;
}

/** Inputs that are the same in every call, to tell its outputs apart by. */
const fingerprints = 2;

/**
 * Reads the columns of a dense round whose outputs come in another order each
 * time: some samples of each call carry the same inputs ever and make a fingerprint
 * of every output, by which orders, scales and shifts are undone.
 *
 * @returns a row for each output: weights and bias, up to order (and where
 * `scaled` up to one scale and a shift of each column); what was recovered after
 * each call
 */
export async function readColumns(
  { client }: AttackContext,
  options: ReadOptions,
): Promise<{ found: Float64Array[]; curve: CurvePoint[] }> {
  const { round, token, samples, columns, inputs, high, scaled } = options;
  const random = uniformFrom("fingerprints");
  const bases = Array.from(
    { length: fingerprints },
    () =>
      Float64Array.from(
        { length: inputs },
        () => Math.floor(random() * (high + 1)),
      ),
  );
  const packed = samples > fingerprints + 1;
  const controls = [...bases, new Float64Array(inputs)];
  const step = packed ? high : Math.max(1, high >> 3);
  const perCall = packed ? samples - controls.length : 1;
  const ask = async (sent: Float64Array[]) => {
    const { accumulators } = await client.ask(round, token, sent);
    const answers = accumulators.samples.slice(0, sent.length);
    return scaled ? normalise(answers) : answers;
  };
  // One sample a call: everything rides on the first fingerprint, which ranks outputs.
  if (!packed && !scaled) {
    // As wide as slots allow, so that outputs lie far apart.
    const { slotBits } = client.plan.rounds[round].layout;
    const [values] = await ask([bases[0]]);
    const max = values.reduce((a, b) => Math.max(a, Math.abs(b)), 1);
    const factor = Math.max(1, Math.floor(2 ** (slotBits - 3) / max));
    bases[0] = bases[0].map((x) => factor * x);
  }
  const ranked = packed ? null : (await ask([bases[0]]))[0].toSorted();
  let reference: Float64Array[] | undefined;
  let found: Float64Array[] = [];
  const curve: CurvePoint[] = [];
  for (let from = 0; from < columns; from += perCall) {
    const units = unitInputs(
      from,
      Math.min(columns, from + perCall),
      inputs,
      step,
    );
    const answers = await ask(
      packed
        ? [...controls, ...units]
        : units.map((unit) => unit.map((x, i) => x + bases[0][i])),
    );
    const outputs = answers[0].length;
    const order = packed
      ? matchFingerprints(answers.slice(0, fingerprints), reference)
      : byValue(answers[0]);
    reference ??= Array.from(
      { length: outputs },
      (_, o) =>
        Float64Array.from(
          { length: fingerprints },
          (_, f) => answers[f]?.[o] ?? 0,
        ),
    );
    if (found.length === 0) {
      found = Array.from(
        { length: outputs },
        () => new Float64Array(columns + 1),
      );
    }
    found.forEach((row, o) => {
      const place = order[o];
      const base = ranked ? ranked[o] : answers[fingerprints][place];
      units.forEach((_, s) => {
        const answer = answers[packed ? controls.length + s : s];
        row[from + s] = (answer[place] - base) / step;
      });
      if (packed) row[columns] = base;
    });
    const { queries } = client.spent;
    curve.push({ queries, recovered: options.recovered(found) });
  }
  return { found, curve };
}

/** Each sample minus its mean over the outputs, all by the size of the first. */
function normalise(samples: readonly Float64Array[]): Float64Array[] {
  const centred = samples.map((values) => {
    const mean = sum(values) / values.length;
    return values.map((value) => value - mean);
  });
  const size = Math.sqrt(sum(centred[0].map((x) => x * x))) || 1;
  return centred.map((values) => values.map((value) => value / size));
}

/** For each output of the reference the place whose fingerprint is nearest. */
function matchFingerprints(
  fingerprint: readonly Float64Array[],
  reference: readonly Float64Array[] | undefined,
): number[] {
  const places = [...fingerprint[0].keys()];
  if (!reference) return places;
  return reference.map((known) => {
    let best = 0, min = Infinity;
    for (const place of places) {
      const distance = sum(
        known.map((value, f) => (value - fingerprint[f][place]) ** 2),
      );
      if (distance < min) [best, min] = [place, distance];
    }
    return best;
  });
}

function byValue(values: Float64Array): number[] {
  return [...values.keys()].sort((a, b) => values[a] - values[b]);
}
