/**
 * Samples a second when many readings wait, slots full in every round. First one
 * batch whose randomisers were prepared while idle; then sustained load: two
 * sessions at once, so that gateway and cloud never wait for each other, and
 * every randomiser computed on the way.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { maxSamples, planRound } from "../../models/planner/plan.ts";
import { openChecked } from "../shared/checked_session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../shared/functions_process.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
  interleave,
  timeMs,
} from "../shared/harness.ts";
import { coresNote } from "./lenet.ts";
import {
  type ElementwiseCosts,
  elementwiseCounts,
  elementwiseSeconds,
} from "./reference/elementwise.ts";
import { installGmpy2, startPython } from "./reference/python.ts";

const bits = 2048;
const turns = 3;
const budgetMs = 60_000;
/** So that a run takes seconds. */
const maxBatch = 64;

export const throughput: BenchGroup = {
  names: [
    `lenet-throughput-${bits}`,
    `lenet-throughput-${bits}-sustained`,
  ],
  async run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    const model = await readPackage(lenetFolder);
    const counts = elementwiseCounts(model.manifest);
    const samples = bestBatch(model);
    await using functions = await startFunctions({
      models: zooFolder,
    });
    const open = (pool: boolean) =>
      openChecked({ url: functions.url, model, bits, samples, pool });
    await using batch = await open(true);
    await using first = await open(false);
    await using second = await open(false);
    await using python = await startPython("elementwise.py", [`${bits}`]);
    progress(`LeNet, ${samples} samples an inference, ${bits}-bit key`);
    const figures = await interleave(
      {
        batch: async () => 1000 * samples / (await batch.infer()).totalMs,
        sustained: async () =>
          2000 * samples /
          await timeMs(() => Promise.all([first.infer(), second.infer()])),
        reference: async () =>
          python === null ? NaN : 1 / elementwiseSeconds(
            counts,
            await python.measure<ElementwiseCosts>(),
            "fixed",
          ),
      },
      turns,
      { warmUp: false, budgetMs },
    );
    const row = (name: string, ours: number[], note: string) =>
      compare(
        {
          name,
          unit: "samples/s",
          better: "higher",
          note: `${note}; ${python === null ? installGmpy2 : coresNote}`,
        },
        ours,
        python && {
          name: "element by element, gmpy2",
          figures: figures.reference,
        },
      );
    const [burst, sustained] = this.names;
    return [
      row(burst, figures.batch, `${samples} samples an inference`),
      row(
        sustained,
        figures.sustained,
        `2 sessions at once, ${samples} samples an inference, no randomisers prepared`,
      ),
    ].filter(({ name }) => wants(name));
  },
};

/** Samples an inference at which the planner expects most samples a second. */
function bestBatch({ manifest, tensors }: ModelPackage): number {
  const max = Math.min(maxBatch, maxSamples(manifest, bits));
  const rates = Array.from({ length: max }, (_, i) => {
    const samples = i + 1;
    const totalMs = manifest.rounds.reduce((sum, round) => {
      const options = { modulusBits: bits, samples, tensors };
      return sum + planRound(round, options)[0].forecast.totalMs;
    }, 0);
    return samples / totalMs;
  });
  return 1 + rates.indexOf(Math.max(...rates));
}
