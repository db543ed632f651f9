/**
 * Accuracy, in integers, of the scores of each test picture added to those of its
 * mirror image: what a gateway gets that asks for both (two samples of one inference).
 *
 * @module
 */
import { Command } from "commander";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { loadClasses, loadReadings } from "../../cli/readings/readings.ts";
import { argMax } from "../../models/compiler/quantise/report.ts";
import { simulateMany } from "../../models/simulate/simulate.ts";

const command = new Command("bench/single/mirrored_scores.ts")
  .description("Accuracy of scores added to those of the mirror image.")
  .argument("<package>", "folder of a package that classifies pictures")
  .argument("<file>", "CIFAR-10's test_batch.bin.gz");
readScriptArguments(command);
const [folder, path] = command.args;
const model = await readPackage(folder);
const { inputs } = model.manifest;
const [, , width] = inputs[0].shape;
const pictures = await loadReadings(path, inputs);
const classes = await loadClasses(path);

const scoresOf = (readings: Float64Array[]) =>
  simulateMany(
    model,
    readings.map((reading) => quantise(reading, model.manifest)),
  )
    .map(({ integers }) => integers);
const plain = scoresOf(pictures);
const mirrored = scoresOf(
  pictures.map((picture) =>
    picture.map((_, i) => picture[i - i % width + width - 1 - i % width])
  ),
);

const right = (scores: ArrayLike<number>[]) =>
  scores.filter((row, i) => argMax(row) === classes[i]).length;
const sums = plain.map((row, i) =>
  row.map((score, c) => score + mirrored[i][c])
);
const share = (count: number) =>
  `${(100 * count / classes.length).toFixed(2)} % of ${classes.length}`;
console.log(`as they are: ${share(right(plain))}`);
console.log(`mirrored: ${share(right(mirrored))}`);
console.log(`both added: ${share(right(sums))}`);
