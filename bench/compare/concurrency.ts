/**
 * How the LeNet grows with the machine and with its use, each with the exponent fitted
 * on a log-log scale: latency against the cores of gateway and functions apart,
 * throughput against the number of gateways and against the batch.
 *
 * @module
 */
import type { ModelPackage } from "../../models/package/format.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { maxSamples } from "../../models/planner/plan.ts";
import { generatePrivateKey } from "../../sdk/paillier/private/key_generation.ts";
import { type CheckedSession, openChecked } from "../shared/checked_session.ts";
import {
  type FunctionsProcess,
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../shared/functions_process.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  type Better,
  compare,
  fittedExponent,
  interleave,
  timeMs,
} from "../shared/harness.ts";

const bits = 2048;
/** Cores of the gateway and of the functions. Where both have one, each has its own. */
const coreCases = [[1, 1], [1, 2], [2, 1], [2, 2]] as const;
const gatewayCounts = [1, 2, 4, 8];
const batches = [1, 2, 4, 8, 16, 32, 64];
const turns = 3;
const budgetMs = 60_000;

const coresName = ([gateway, functions]: readonly number[]) =>
  `cores-gateway-${gateway}-functions-${functions}`;
const gatewaysName = (count: number) => `gateways-${count}`;
const batchName = (samples: number) => `batch-${samples}`;

const coreExponents = ["gateway", "functions"] as const;

export const concurrency: BenchGroup = {
  names: [
    ...coreCases.map(coresName),
    ...coreExponents.map((side) => `cores-${side}-exponent`),
    ...gatewayCounts.map(gatewaysName),
    "gateways-exponent",
    ...batches.map(batchName),
    "batch-exponent",
  ],
  async run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    const model = await readPackage(lenetFolder);
    await using functions = await startFunctions({ models: zooFolder });
    const parts = {
      cores: { title: "latency against cores", measure: coreGrowth },
      gateways: {
        title: "throughput against gateways",
        measure: gatewayGrowth,
      },
      batch: { title: "throughput against the batch", measure: batchGrowth },
    };
    const results: BenchResult[] = [];
    for (const [part, { title, measure }] of Object.entries(parts)) {
      const names = this.names.filter((name) => name.startsWith(part));
      if (!names.some(wants)) continue;
      progress(title);
      results.push(...await measure(functions, model));
    }
    return results.filter(({ name }) => wants(name));
  },
};

/** Milliseconds of an inference; the exponents are -1 where all work is shared evenly. */
async function coreGrowth(
  functions: FunctionsProcess,
  model: ModelPackage,
): Promise<BenchResult[]> {
  const { hardwareConcurrency } = navigator;
  if (Deno.build.os !== "linux" || hardwareConcurrency < 2) return [];
  await using gateway = await openChecked({ url: functions.url, model, bits });
  const onCores = ([ours, theirs]: readonly number[]) => async () => {
    await setCores(Deno.pid, ours === 1 ? "0" : "0,1");
    await setCores(functions.pid, theirs === 1 ? "1" : "0,1");
    return (await gateway.infer()).totalMs;
  };
  try {
    const figures = await interleave(
      Object.fromEntries(
        coreCases.map((cores) => [coresName(cores), onCores(cores)]),
      ),
      turns,
      { budgetMs },
    );
    const rows = rowsOf(figures, "ms", "lower");
    const value = (cores: number[]) =>
      rows.find(({ name }) => name === coresName(cores))!.value;
    const exponent = (one: number[]) =>
      fittedExponent([{ x: 1, y: value(one) }, { x: 2, y: value([2, 2]) }]);
    const note = "from 1 core to 2, the other side on 2";
    return [
      ...rows,
      exponentRow("cores-gateway-exponent", exponent([1, 2]), note),
      exponentRow("cores-functions-exponent", exponent([2, 1]), note),
    ];
  } finally {
    const all = `0-${hardwareConcurrency - 1}`;
    await setCores(Deno.pid, all);
    await setCores(functions.pid, all);
  }
}

/** Inferences a second of sessions at once, each with a key and threads of its own. */
async function gatewayGrowth(
  { url }: FunctionsProcess,
  model: ModelPackage,
): Promise<BenchResult[]> {
  await using resources = new AsyncDisposableStack();
  const gateways: CheckedSession[] = [];
  for (let i = 0; i < Math.max(...gatewayCounts); i++) {
    const key = await generatePrivateKey(bits);
    gateways.push(
      resources.use(
        await openChecked({ url, model, bits, key, pool: false }),
      ),
    );
  }
  const together = (count: number) => async () => {
    const first = gateways.slice(0, count);
    return 1000 * count /
      await timeMs(() => Promise.all(first.map(({ infer }) => infer())));
  };
  return await grow(gatewayCounts, gatewaysName, together, "inferences/s");
}

/** Samples a second of one session. */
async function batchGrowth(
  { url }: FunctionsProcess,
  model: ModelPackage,
): Promise<BenchResult[]> {
  await using resources = new AsyncDisposableStack();
  const max = maxSamples(model.manifest, bits);
  const fitting = batches.filter((samples) => samples <= max);
  const sessions = new Map(
    await Promise.all(fitting.map(async (samples) =>
      [
        samples,
        resources.use(await openChecked({ url, model, bits, samples })),
      ] as const
    )),
  );
  const inBatches = (samples: number) => async () =>
    1000 * samples / (await sessions.get(samples)!.infer()).totalMs;
  return await grow(fitting, batchName, inBatches, "samples/s");
}

async function grow(
  sizes: readonly number[],
  name: (size: number) => string,
  contender: (size: number) => () => Promise<number>,
  unit: string,
): Promise<BenchResult[]> {
  const figures = await interleave(
    Object.fromEntries(sizes.map((size) => [name(size), contender(size)])),
    turns,
    { budgetMs },
  );
  const rows = rowsOf(figures, unit, "higher");
  const exponent = fittedExponent(
    rows.map(({ value }, i) => ({ x: sizes[i], y: value })),
  );
  const [kind] = name(1).split("-");
  return [
    ...rows,
    exponentRow(
      `${kind}-exponent`,
      exponent,
      `rate = a * size^exponent over sizes ${sizes.join(", ")}`,
    ),
  ];
}

function rowsOf(
  figures: Record<string, number[]>,
  unit: string,
  better: Better,
): BenchResult[] {
  return Object.entries(figures).map(([name, values]) =>
    compare({ name, unit, better }, values, null)
  );
}

const exponentRow = (name: string, exponent: number, note: string) =>
  compare({ name, unit: "", note }, [exponent], null);

/** Binds all threads of a process to some cores, for example "0,1". */
async function setCores(pid: number, cores: string): Promise<void> {
  const { success, stderr } = await new Deno.Command("taskset", {
    args: ["--all-tasks", "--cpu-list", "--pid", cores, `${pid}`],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
}
