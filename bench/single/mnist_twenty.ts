/**
 * The first MNIST test pictures, truly encrypted over HTTP, each compared with the
 * integer simulator.
 *
 * Prints one line a picture; the exit code is 1 if any answer differs.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { generatePrivateKey } from "@cipherlayer/sdk";
import { loadPictures } from "../../examples/demo/pictures.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { connect } from "../../sdk/session/session.ts";
import {
  lenetFolder,
  startFunctions,
  zooFolder,
} from "../shared/functions_process.ts";

const command = new Command("bench/single/mnist_twenty.ts")
  .description(
    "The first MNIST test pictures, encrypted, each compared with the simulator.",
  )
  .argument("[folder]", "of MNIST's test files")
  .option("--count <n>", "the first pictures", wholeNumber(1), 20)
  .option(
    "--insecure-key-bits <n>",
    "a key that protects nothing (default: 2048 bits)",
    wholeNumber(512),
  );
const { count, insecureKeyBits: insecureBits } = readScriptArguments(command);
const [
  folder = fileURLToPath(
    new URL("../../../shared/data/mnist", import.meta.url),
  ),
] = command.args;
const keyBits = insecureBits ?? 2048;

const model = await readPackage(lenetFolder);
const pictures = await loadPictures(
  { kind: "mnist", folder, index: 0 },
  count,
);
const keys = await generatePrivateKey(keyBits, {
  insecure: insecureBits !== undefined,
});
await using functions = await startFunctions({
  models: zooFolder,
});
await using session = await connect({
  url: functions.url,
  model: model.manifest.name,
  keys,
});

console.log(
  `${keyBits}-bit key${
    insecureBits ? " (INSECURE)" : ""
  }; seconds of one inference each`,
);
let differing = 0, right = 0, seconds = 0;
for (const [index, { pixels, expected }] of pictures.entries()) {
  const reading = Float64Array.from(pixels, (value) => value / 255);
  const { scores } = simulate(model, quantise(reading, model.manifest));
  await session.whenPrepared();
  const answer = await session.infer(reading);
  if (session.version !== model.manifest.version) {
    throw new Error("The functions serve another version than the package has");
  }
  const agrees = answer.scores?.every((score, i) => score === scores[i]);
  if (!agrees) differing++;
  if (answer.predicted === expected) right++;
  seconds += answer.totalMs / 1000;
  console.log(
    `${
      String(index).padStart(3)
    }  label ${expected}  answer ${answer.predicted}  ${
      (answer.totalMs / 1000).toFixed(2)
    } s  ${agrees ? "equal to the simulator" : "DIFFERS from the simulator"}`,
  );
}
console.log(
  `${
    pictures.length - differing
  } of ${pictures.length} equal to the simulator, ${right} right, ${
    (seconds / pictures.length).toFixed(2)
  } s each`,
);
if (differing > 0) Deno.exitCode = 1;
