/**
 * Wall time of whole inferences over HTTP on loopback, sealed and in turn the same
 * package open (`standard`), as JSON; every label is compared with the simulator's.
 *
 * @module
 */
import { equal } from "node:assert/strict";
import { Command } from "commander";
import { wholeNumber } from "../../cli/commands/command.ts";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { readPackage } from "../../models/package/read_package.ts";
import { simulate } from "../../models/simulate/simulate.ts";
import { quantise } from "../../sdk/fixed_point/quantise.ts";
import { PaillierEngine } from "../../sdk/paillier/private/paillier_engine.ts";
import { connect } from "../../sdk/session/session.ts";
import { testReading } from "../shared/checked_session.ts";
import { startFunctions, zooFolder } from "../shared/functions_process.ts";
import { interleave, median } from "../shared/harness.ts";
import { benchKey } from "../shared/keys.ts";

const zoo = [
  "occupancy-sealed",
  "lenet-mnist-sealed",
  "lenet-mnist-pool-first-sealed",
];
const command = new Command("bench/single/sealed_beside_open.ts")
  .description("Sealed inferences over HTTP beside open ones, as JSON.")
  .argument("[packages...]", "sealed packages of the zoo")
  .option("--turns <n>", "measured inferences of each", wholeNumber(1), 7);
const { turns } = readScriptArguments(command);
const packages = command.args.length > 0 ? command.args : zoo;

const folder = await Deno.makeTempDir();
const openName = (name: string) => `${name}-open`;
for (const name of packages) {
  const from = `${zooFolder}/${name}`;
  const manifest = JSON.parse(
    await Deno.readTextFile(`${from}/manifest.json`),
  );
  const open = { ...manifest, name: openName(name), privacy: "standard" };
  for (const each of [manifest, open]) {
    const to = `${folder}/${each.name}`;
    await Deno.mkdir(to);
    await Deno.writeTextFile(`${to}/manifest.json`, JSON.stringify(each));
    await Deno.copyFile(
      `${from}/weights.safetensors`,
      `${to}/weights.safetensors`,
    );
  }
}
await using functions = await startFunctions({
  models: folder,
  environment: { CIPHERLAYER_BUDGET_PER_MODEL_DAY: "unlimited" },
});

/** Milliseconds of inferences of a package. */
async function contender(name: string) {
  const model = await readPackage(`${folder}/${name}`);
  const keys = new PaillierEngine(benchKey(2048));
  const session = await connect({ url: functions.url, model: name, keys });
  const reading = testReading(model, 0);
  const { scores } = simulate(model, quantise(reading, model.manifest));
  const label = scores.indexOf(Math.max(...scores));
  let bytes = 0;
  const infer = async () => {
    await keys.fillPool(1000);
    const start = performance.now();
    const { predicted, rounds } = await session.infer(reading);
    const ms = performance.now() - start;
    equal(predicted, label);
    bytes = rounds.reduce((sum, { bytesDown }) => sum + bytesDown, 0);
    return ms;
  };
  return { infer, bytes: () => bytes };
}

const results: Record<string, unknown> = {};
for (const model of packages) {
  const open = await contender(openName(model));
  const sealed = await contender(model);
  const ms = await interleave(
    { open: open.infer, sealed: sealed.infer },
    turns,
  );
  const walls = { open: median(ms.open), sealed: median(ms.sealed) };
  results[model] = {
    openMs: Math.round(walls.open),
    sealedMs: Math.round(walls.sealed),
    ratio: Math.round(100 * walls.sealed / walls.open) / 100,
    openBytesDown: open.bytes(),
    sealedBytesDown: sealed.bytes(),
  };
}
console.log(JSON.stringify({ turns, results }, null, 2));
await Deno.remove(folder, { recursive: true });
Deno.exit();
