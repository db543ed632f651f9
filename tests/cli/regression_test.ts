/** Models whose output is one value: how far it is off, and no class. */
import assert from "node:assert/strict";
import { encodeNpy } from "../../cli/readings/npy.ts";
import { regressionError } from "../../cli/output/regression_error.ts";
import { writePackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { realReading } from "../../sdk/fixed_point/quantise.ts";
import { randomReading, tinyModel } from "../reference/tiny_models.ts";
import { cipherlayer } from "../support/cli_process.ts";

Deno.test("errors of values: mean, root mean square, largest, and what is explained", () => {
  assert.deepEqual(regressionError([1, 2, 6], [1, 4, 4]), {
    meanAbsoluteError: 4 / 3,
    rootMeanSquareError: Math.sqrt(8 / 3),
    largestError: 2,
    rSquared: 1 - 8 / 6,
  });
  assert.equal(regressionError([1, 2], [3, 3]).rSquared, null);
});

Deno.test("accuracy and simulate tell the error of a regression model, and no class", async () => {
  const folder = await Deno.makeTempDir();
  const model = tinyModel(4, [5], [
    { kind: "dense", length: 6 },
    { kind: "dense", length: 1 },
  ]);
  await writePackage(`${folder}/package`, model);
  const readings = [1, 2, 3, 4].map((seed) => randomReading(model, seed));
  const values = readings.map((reading) => simulate(model, reading).scores[0]);
  const write = (name: string, shape: number[], data: number[]) =>
    Deno.writeFile(
      `${folder}/${name}.npy`,
      encodeNpy({ shape, data: Float64Array.from(data) }),
    );
  const { inputs } = model.manifest;
  await write(
    "x",
    [4, 5],
    readings.flatMap((reading) => [
      ...realReading(reading, inputs),
    ]),
  );
  const targets = values.map((value, i) => value + [0.5, -0.25, 0, 1][i]);
  await write("y", [4], targets);
  const files = ["--input", `${folder}/x.npy`, "--labels", `${folder}/y.npy`];
  const expected = regressionError(values, targets);
  for (const command of ["accuracy", "simulate"]) {
    const args = [command, `${folder}/package`, ...files];
    const { stdout, stderr } = await cipherlayer(...args, "--json");
    const report = JSON.parse(stdout);
    assert.deepEqual(report.error, expected, stderr);
    assert.equal("accuracy" in report || "predicted" in report, false);
    const told = await cipherlayer(...args);
    assert.match(told.stdout, /mean absolute error 0\.4375, root mean square/);
  }
  const refused = await cipherlayer(
    ...["accuracy", `${folder}/package`, ...files, "--encrypted"],
  );
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /which gives one value: cipherlayer run/);
  await Deno.remove(folder, { recursive: true });
});
