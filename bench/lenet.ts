/**
 * One digit through the paper's network, end to end: functions as a separate
 * process, HTTP on loopback, re-randomisation and masks on, every answer compared
 * with the integer simulator. The reference is the paper's method, one number a
 * ciphertext: counted operations times what each costs in the same turns.
 *
 * Latencies are with the pool of randomisers filled while idle, as a session does
 * between inferences; `-empty-pool` computes every randomiser within the inference.
 */
import type { ModelPackage } from "../models/package_format.ts";
import { readPackage } from "../models/package.ts";
import { mostSamples, planRound } from "../models/plan.ts";
import { simulate } from "../models/simulate.ts";
import { quantise } from "../sdk/fixed_point/codec.ts";
import { inputCiphertexts } from "../sdk/fixed_point/layout.ts";
import { KeyOwner } from "../sdk/paillier/key_owner.ts";
import { type Answer, connect, type Session } from "../sdk/session.ts";
import { startFunctions } from "./functions_process.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
  interleave,
} from "./harness.ts";
import { benchKey, type BenchKeyBits } from "./keys.ts";
import {
  type ElementwiseCosts,
  type ElementwiseCounts,
  elementwiseCounts,
  elementwiseSeconds,
} from "./reference/elementwise.ts";
import { installGmpy2, startPython } from "./reference/python.ts";

export const lenetFolder =
  new URL("../models/zoo/lenet-mnist/package", import.meta.url).pathname;
export const zooFolder = new URL("../models/zoo", import.meta.url).pathname;

const mostBatch = 64;

const latencyNames = (bits: BenchKeyBits) => [
  `lenet-latency-${bits}`,
  `lenet-latency-${bits}-vs-float-weights`,
  `lenet-latency-${bits}-empty-pool`,
];

export const lenet: BenchGroup = {
  names: [
    ...latencyNames(2048),
    ...latencyNames(512),
    "lenet-throughput-2048",
    "lenet-bytes-2048",
  ],
  async run(context: BenchContext): Promise<BenchResult[]> {
    const model = await readPackage(lenetFolder);
    const counts = elementwiseCounts(model.manifest);
    await using functions = await startFunctions({
      models: zooFolder,
      workers: navigator.hardwareConcurrency,
    });
    const results: BenchResult[] = [];
    for (const bits of [2048, 512] as const) {
      const names = latencyNames(bits);
      if (bits === 2048) names.push("lenet-bytes-2048");
      if (!names.some(context.wants)) continue;
      context.progress(`LeNet, one sample, ${bits}-bit key`);
      results.push(...await latency(functions.url, model, counts, bits));
    }
    if (context.wants("lenet-throughput-2048")) {
      context.progress("LeNet, full batch, 2048-bit key");
      results.push(await throughput(functions.url, model, counts));
    }
    return results.filter(({ name }) => context.wants(name));
  },
};

/** A session whose answers are checked, with its pool filled between inferences. */
export interface CheckedSession extends AsyncDisposable {
  session: Session;
  /** Infers, then fills the pool again; throws if an answer differs from the simulator. */
  infer(): Promise<Answer>;
}

/** Connects to a model with a benchmark key. */
export async function openChecked(
  options: {
    url: string;
    model: ModelPackage;
    bits: BenchKeyBits;
    samples?: number;
    pool?: boolean;
    fetch?: typeof fetch;
  },
): Promise<CheckedSession> {
  const { url, model, bits, samples = 1, pool = true } = options;
  const owner = new KeyOwner(benchKey(bits), pool ? {} : { poolBytes: 0 });
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
    simulate(model, quantise(reading, model.manifest.input)).scores
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
      return answers[0];
    },
    async [Symbol.asyncDispose]() {
      await session.close();
      owner[Symbol.dispose]();
    },
  };
}

/** A smooth picture within the model's range, another for every sample. */
function testReading(model: ModelPackage, sample: number): Float64Array {
  const { shape, scale, offset, low, high } = model.manifest.input;
  const length = shape.reduce((size, extent) => size * extent, 1);
  const middle = (low + high) / 2, swing = (high - low) / 2;
  return Float64Array.from({ length }, (_, i) => {
    const wave = Math.sin((sample + 3) * i / 17) * Math.cos(i / 29);
    return Math.round(middle + swing * wave) * scale + offset;
  });
}

async function latency(
  url: string,
  model: ModelPackage,
  counts: ElementwiseCounts,
  bits: BenchKeyBits,
): Promise<BenchResult[]> {
  await using filled = await openChecked({ url, model, bits });
  await using empty = await openChecked({ url, model, bits, pool: false });
  const python = await startPython("elementwise.py", [String(bits)]);
  const costs: ElementwiseCosts[] = [];
  let last: Answer | undefined;
  const figures = await interleave({
    filled: async () => {
      last = await filled.infer();
      return last.totalMs / 1000;
    },
    empty: async () => (await empty.infer()).totalMs / 1000,
    reference: async () => {
      if (python === null) return NaN;
      const measured = await python.measure<ElementwiseCosts>();
      costs.push(measured);
      return elementwiseSeconds(counts, measured, "fixed");
    },
  }, bits === 2048 ? 7 : 9);
  await python?.[Symbol.asyncDispose]();

  const note = python === null ? installGmpy2 : null;
  const reference = python === null
    ? null
    : { name: "element by element, gmpy2", figures: figures.reference };
  const floatReference = python === null ? null : {
    name: "element by element, gmpy2, float weights",
    // The first turn warmed up.
    figures: costs.slice(1).map((cost) =>
      elementwiseSeconds(counts, cost, "float")
    ),
  };
  const [name, float, emptyPool] = latencyNames(bits);
  const megabytes = (last!.bytesUp + last!.bytesDown) / 1e6;
  const elementwiseMegabytes = (counts.encryptions + counts.decryptions) *
    (bits / 4) / 1e6;
  return [
    compare({ name, unit: "s", note }, figures.filled, reference),
    compare({ name: float, unit: "s", note }, figures.filled, floatReference),
    compare({ name: emptyPool, unit: "s", note }, figures.empty, reference),
    compare({ name: `lenet-bytes-${bits}`, unit: "MB" }, [megabytes], {
      name: "element by element",
      figures: [elementwiseMegabytes],
    }),
  ];
}

/**
 * Samples an inference at which the planner expects most samples a second: slots
 * full in every round. At most `mostBatch`, so that a run takes seconds.
 */
function bestBatch({ manifest, tensors }: ModelPackage): number {
  const modulusBits = 2048;
  const most = Math.min(mostBatch, mostSamples(manifest, modulusBits));
  const rates = Array.from({ length: most }, (_, i) => {
    const samples = i + 1;
    const totalMs = manifest.rounds.reduce((sum, round) => {
      const [best] = planRound(round, { modulusBits, samples, tensors });
      return sum + best.forecast.totalMs;
    }, 0);
    return samples / totalMs;
  });
  return 1 + rates.indexOf(Math.max(...rates));
}

/** Samples a second with the slots full. */
async function throughput(
  url: string,
  model: ModelPackage,
  counts: ElementwiseCounts,
): Promise<BenchResult> {
  const samples = bestBatch(model);
  await using batch = await openChecked({ url, model, bits: 2048, samples });
  const python = await startPython("elementwise.py", ["2048"]);
  const figures = await interleave({
    ours: async () => samples / ((await batch.infer()).totalMs / 1000),
    reference: async () => {
      if (python === null) return NaN;
      const costs = await python.measure<ElementwiseCosts>();
      return 1 / elementwiseSeconds(counts, costs, "fixed");
    },
  }, 3);
  await python?.[Symbol.asyncDispose]();
  return compare(
    {
      name: "lenet-throughput-2048",
      unit: "samples/s",
      better: "higher",
      note: python === null ? installGmpy2 : `${samples} samples an inference`,
    },
    figures.ours,
    python === null
      ? null
      : { name: "element by element, gmpy2", figures: figures.reference },
  );
}
