/**
 * How latency grows: the LeNet against the key's length, and single layers
 * against their size, each with the exponent fitted on a log-log scale.
 *
 * @module
 */
import {
  readPackage,
  writePackage,
} from "../../models/package/read_package.ts";
import type { ModelPackage } from "../../models/package/format.ts";
import { openChecked } from "../shared/checked_session.ts";
import type { BenchKeyBits } from "../shared/keys.ts";
import { lenetFolder, startFunctions } from "../shared/functions_process.ts";
import {
  type BenchContext,
  type BenchGroup,
  type BenchResult,
  compare,
  fittedExponent,
  interleave,
} from "../shared/harness.ts";
import { elementwiseCounts } from "./reference/elementwise.ts";
import { convolutionLayer, denseLayer } from "./layers.ts";

const keyLengths = [512, 1024, 2048, 3072] as const;
const layerSets = {
  dense: [128, 256, 512, 1024].map(denseLayer),
  convolution: [12, 18, 27, 40].map(convolutionLayer),
};
const turns = 5;
const budgetMs = 30_000;

export const growth: BenchGroup = {
  names: [
    ...keyLengths.map((bits) => `growth-key-${bits}`),
    "growth-key-exponent",
    ...Object.entries(layerSets).flatMap(([kind, models]) => [
      ...models.map(({ manifest }) => `growth-${manifest.name}`),
      `growth-${kind}-exponent`,
    ]),
  ],
  async run({ wants, progress }: BenchContext): Promise<BenchResult[]> {
    const folder = await Deno.makeTempDir();
    try {
      const lenet = await readPackage(lenetFolder);
      const models = [lenet, ...Object.values(layerSets).flat()];
      for (const model of models) {
        await writePackage(`${folder}/${model.manifest.name}/package`, model);
      }
      await using functions = await startFunctions({
        models: folder,
      });
      const results: BenchResult[] = [];
      if (this.names.filter(startsWith("growth-key")).some(wants)) {
        progress("latency against key length");
        results.push(...await keyGrowth(functions.url, lenet));
      }
      for (const [kind, models] of Object.entries(layerSets)) {
        if (!this.names.filter(startsWith(`growth-${kind}`)).some(wants)) {
          continue;
        }
        progress(`latency against the size of a ${kind} layer`);
        results.push(...await layerGrowth(functions.url, kind, models));
      }
      return results.filter(({ name }) => wants(name));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
};

const startsWith = (prefix: string) => (name: string) =>
  name.startsWith(prefix);

async function keyGrowth(
  url: string,
  model: ModelPackage,
): Promise<BenchResult[]> {
  const cases = keyLengths.map((bits) => ({
    name: `growth-key-${bits}`,
    model,
    bits,
  }));
  const milliseconds = await measureLatencies(url, cases);
  const seconds = Object.fromEntries(
    Object.entries(milliseconds).map((
      [name, values],
    ) => [name, values.map((ms) => ms / 1000)]),
  );
  return withExponent("growth-key-exponent", "s", keyLengths, seconds);
}

/** Sizes are counted in products of a weight and an input. */
async function layerGrowth(
  url: string,
  kind: string,
  models: readonly ModelPackage[],
): Promise<BenchResult[]> {
  const cases = models.map((model) => ({
    name: `growth-${model.manifest.name}`,
    model,
    bits: 2048 as const,
  }));
  const figures = await measureLatencies(url, cases);
  const sizes = models.map(({ manifest }) =>
    elementwiseCounts(manifest).multiplyAdds
  );
  return withExponent(`growth-${kind}-exponent`, "ms", sizes, figures);
}

/** Milliseconds of inferences, by the case's name. */
async function measureLatencies(
  url: string,
  cases: readonly { name: string; model: ModelPackage; bits: BenchKeyBits }[],
): Promise<Record<string, number[]>> {
  await using resources = new AsyncDisposableStack();
  const sessions = await Promise.all(
    cases.map(async ({ name, model, bits }) => ({
      name,
      ...resources.use(await openChecked({ url, model, bits })),
    })),
  );
  return await interleave(
    Object.fromEntries(
      sessions.map(({ name, infer }) => [
        name,
        async () => (await infer()).totalMs,
      ]),
    ),
    turns,
    { budgetMs },
  );
}

function withExponent(
  name: string,
  unit: string,
  sizes: readonly number[],
  figures: Record<string, number[]>,
): BenchResult[] {
  const rows = Object.entries(figures).map(([name, values]) =>
    compare({ name, unit }, values, null)
  );
  const exponent = fittedExponent(
    rows.map(({ value }, i) => ({ x: sizes[i], y: value })),
  );
  const note = `time = a * size^exponent over sizes ${sizes.join(", ")}`;
  return [...rows, compare({ name, unit: "", note }, [exponent], null)];
}
