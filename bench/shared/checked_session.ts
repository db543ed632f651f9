/**
 * Sessions of the benchmarks: fixed keys, fixed readings, every answer checked.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { argMax } from "../../models/compiler/quantise/report.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { quantise, realReading } from "../../sdk/fixed_point/quantise.ts";
import { inputCiphertexts } from "../../sdk/fixed_point/layout.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import type { PrivateKey } from "../../sdk/paillier/private/private_key.ts";
import { connect, type Session } from "../../sdk/session/session.ts";
import type { Answer } from "../../sdk/session/answer.ts";
import { benchKey, type BenchKeyBits } from "./keys.ts";

/** A session whose answers are checked, with its pool filled between inferences. */
export interface CheckedSession extends AsyncDisposable {
  session: Session;
  /** Infers, then fills the pool again; throws if scores, or labels of a sealed model, differ from the simulator's. */
  infer(): Promise<Answer>;
}

/** Connects to a model, with a benchmark key unless another is given. */
export async function openChecked(
  options: {
    url: string;
    model: ModelPackage;
    bits: BenchKeyBits;
    key?: PrivateKey;
    samples?: number;
    pool?: boolean;
    fetch?: typeof fetch;
  },
): Promise<CheckedSession> {
  const { url, model, bits, samples = 1, pool = true } = options;
  const owner = new PaillierEngine(
    options.key ?? benchKey(bits),
    pool ? {} : { poolBytes: 0 },
  );
  const session = await connect({
    url,
    model: model.manifest.name,
    keys: owner,
    samples,
    fetch: options.fetch,
  });
  const readings = Array.from(
    { length: samples },
    (_, sample) => testReading(model, sample),
  );
  const expected = readings.map((reading) =>
    simulate(model, quantise(reading, model.manifest)).scores
  );
  const ciphertexts = session.plan.rounds.reduce(
    (sum, round) => sum + inputCiphertexts(round.layout),
    0,
  );
  if (pool) await owner.fillPool(ciphertexts);
  return {
    session,
    async infer() {
      const answers = await session.inferMany(readings);
      // Before others are measured, so that it disturbs none.
      if (pool) await owner.fillPool(ciphertexts);
      answers.forEach(({ scores }, sample) => {
        if (scores?.some((score, i) => score !== expected[sample][i])) {
          throw new Error("The encrypted inference differs from the simulator");
        }
      });
      if (model.manifest.privacy === "sealed") {
        answers.forEach(({ predicted }, sample) => {
          if (predicted !== argMax(expected[sample])) {
            throw new Error("The sealed inference differs from the simulator");
          }
        });
      }
      return answers[0];
    },
    async [Symbol.asyncDispose]() {
      await session.close();
      owner[Symbol.dispose]();
    },
  };
}

/** A smooth picture within the model's range, another for every sample. */
export function testReading(model: ModelPackage, sample: number): Float64Array {
  const { inputs } = model.manifest;
  const [{ shape, low, high }] = inputs;
  const length = shape.reduce((size, extent) => size * extent, 1);
  const middle = (low + high) / 2, swing = (high - low) / 2;
  const integers = Float64Array.from({ length }, (_, i) => {
    const wave = Math.sin((sample + 3) * i / 17) * Math.cos(i / 29);
    return Math.round(middle + swing * wave);
  });
  return realReading(integers, inputs);
}
