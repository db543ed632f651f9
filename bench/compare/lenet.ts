/**
 * One digit through the paper's network, end to end: functions as a separate
 * process, HTTP on loopback, re-randomisation and masks on, every answer compared
 * with the integer simulator. The reference is the paper's method, one number a
 * ciphertext: counted operations times what each costs in the same turns.
 *
 * Latencies are with the pool of randomisers filled while idle, as a session does
 * between inferences; `-empty-pool` computes every randomiser within the inference.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import type { Answer } from "../../sdk/session/answer.ts";
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
} from "../shared/harness.ts";
import type { BenchKeyBits } from "../shared/keys.ts";
import {
  type ElementwiseCosts,
  type ElementwiseCounts,
  elementwiseCounts,
  elementwiseSeconds,
} from "./reference/elementwise.ts";
import { installGmpy2, startPython } from "./reference/python.ts";

const keyLengths = [2048, 512] as const;
const turns = { 2048: 15, 512: 21 };
const budgetMs = 60_000;

/** Said with every ratio to the element-wise method, which would parallelise. */
export const coresNote =
  `gateway and cloud share ${navigator.hardwareConcurrency} cores, the reference runs on one`;

const namesAt = (bits: BenchKeyBits) => [
  `lenet-latency-${bits}`,
  `lenet-latency-${bits}-vs-float-weights`,
  `lenet-latency-${bits}-empty-pool`,
  `lenet-bytes-${bits}`,
];

export const lenet: BenchGroup = {
  names: keyLengths.flatMap(namesAt),
  async run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    const model = await readPackage(lenetFolder);
    const counts = elementwiseCounts(model.manifest);
    await using functions = await startFunctions({
      models: zooFolder,
    });
    const results: BenchResult[] = [];
    for (const bits of keyLengths) {
      if (!namesAt(bits).some(wants)) continue;
      progress(`LeNet, one sample, ${bits}-bit key`);
      results.push(...await latency(functions.url, model, counts, bits));
    }
    return results.filter(({ name }) => wants(name));
  },
};

async function latency(
  url: string,
  model: ModelPackage,
  counts: ElementwiseCounts,
  bits: typeof keyLengths[number],
): Promise<BenchResult[]> {
  await using filled = await openChecked({ url, model, bits });
  await using empty = await openChecked({ url, model, bits, pool: false });
  const python = await startPython("elementwise.py", [String(bits)]);
  const costs: ElementwiseCosts[] = [];
  let last: Answer | undefined;
  const figures = await interleave(
    {
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
    },
    turns[bits],
    { budgetMs },
  );
  await python?.[Symbol.asyncDispose]();

  const note = python === null ? installGmpy2 : coresNote;
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
  const [name, float, emptyPool, bytes] = namesAt(bits);
  const megabytes = (last!.bytesUp + last!.bytesDown) / 1e6;
  const elementwiseMegabytes = (counts.encryptions + counts.decryptions) *
    (bits / 4) / 1e6;
  return [
    compare({ name, unit: "s", note }, figures.filled, reference),
    compare({ name: float, unit: "s", note }, figures.filled, floatReference),
    compare({ name: emptyPool, unit: "s", note }, figures.empty, reference),
    compare({ name: bytes, unit: "MB" }, [megabytes], {
      name: "element by element",
      figures: [elementwiseMegabytes],
    }),
  ];
}
