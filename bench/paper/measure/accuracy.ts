/**
 * Table 5: test accuracy in floating point and in the integers that encryption computes.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { readPackage } from "../../../models/package/read_package.ts";
import { argMax } from "../../../models/compiler/quantise/report.ts";
import { loadClasses, loadReadings } from "../../../cli/readings/readings.ts";
import { simulateMany } from "../../../models/simulate/simulate.ts";
import { runOnnx } from "../../shared/onnx_oracle.ts";
import { zooFolder } from "../../shared/functions_process.ts";
import { Skipped, type Stage } from "../stage.ts";

/** Right answers on a test set. */
export type AccuracyRow = {
  model: string;
  version: string;
  dataset: string;
  arithmetic: "float" | "integer";
  samples: number;
  right: number;
  seconds: number;
};

/** Packages with test sets, as the zoo and `--data` name them. */
const subjects = [
  {
    model: "lenet-mnist",
    dataset: "MNIST",
    images: "mnist/t10k-images-idx3-ubyte.gz",
    labels: "mnist/t10k-labels-idx1-ubyte.gz",
    maxFloat: Infinity,
  },
  {
    model: "resnet20-cifar10",
    dataset: "CIFAR-10",
    images: "cifar10/test_batch.bin.gz",
    labels: "cifar10/test_batch.bin.gz",
    // One after another, all 10,000 would take minutes.
    maxFloat: 2000,
  },
] as const;

const quickSamples = 500;

export const accuracyStage: Stage = {
  name: "accuracy",
  about: "test accuracy in floating point and in integers",
  tables: ["accuracy"],
  async measure({ quick, dataFolder, progress }) {
    const rows: AccuracyRow[] = [];
    for (const subject of subjects) {
      const folder = `${zooFolder}/${subject.model}`;
      const images = `${dataFolder}/${subject.images}`;
      if (!existsSync(`${folder}/package/manifest.json`)) {
        progress(`${subject.model}: no package yet`);
        continue;
      }
      if (!existsSync(images)) {
        progress(`${subject.model}: no ${images}`);
        continue;
      }
      const model = await readPackage(`${folder}/package`);
      const { version, inputs } = model.manifest;
      const count = quick ? quickSamples : undefined;
      const readings = await loadReadings(images, inputs, count);
      const classes = await loadClasses(
        `${dataFolder}/${subject.labels}`,
        count,
      );
      const add = (
        arithmetic: AccuracyRow["arithmetic"],
        predicted: number[],
        since: number,
      ) =>
        rows.push({
          model: subject.model,
          version: `v-${version}`,
          dataset: subject.dataset,
          arithmetic,
          samples: predicted.length,
          right: predicted.filter((value, i) => value === classes[i]).length,
          seconds: (performance.now() - since) / 1000,
        });

      progress(`${subject.model}: ${classes.length} samples in integers`);
      let since = performance.now();
      const outcomes = simulateMany(
        model,
        readings.map((reading) =>
          quantise(reading, model.manifest, { clamp: true })
        ),
      );
      add("integer", outcomes.map(({ integers }) => argMax(integers)), since);

      const floating = readings.slice(0, subject.maxFloat);
      progress(
        `${subject.model}: ${floating.length} samples in floating point`,
      );
      since = performance.now();
      const outputs = await runOnnx(
        await Deno.readFile(`${folder}/${subject.model}.onnx`),
        floating,
        [1, ...inputs[0].shape],
      );
      add("float", outputs.map((scores) => argMax(scores)), since);
    }
    if (rows.length === 0) {
      throw new Skipped(`expected test sets in ${dataFolder} (--data)`);
    }
    return { accuracy: rows };
  },
};
