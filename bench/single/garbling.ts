/**
 * AND gates a second of processor time, as JSON.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { Circuit } from "../../sdk/garbling/circuit.ts";
import { unmask } from "../../sdk/garbling/circuits/shares.ts";
import { evaluate } from "../../sdk/garbling/evaluate.ts";
import { garble } from "../../sdk/garbling/garble.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import { scheduleOf } from "../../sdk/garbling/schedule.ts";
import { platformRandom } from "../../sdk/support/random.ts";

/** Processor time of this process, which other load disturbs less than the clock. */
function cpuMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

readScriptArguments(
  new Command("bench/single/garbling.ts")
    .description("AND gates a second of processor time, as JSON."),
);
/** Before that many turns the engine has not compiled the gates with care. */
const warmUp = 40;
const lanes = 80, turns = 80;
const circuit = new Circuit();
circuit.output(...unmask(circuit, circuit.word(1584)));
const schedules = {
  garbler: scheduleOf(circuit, "garbler"),
  evaluator: scheduleOf(circuit, "evaluator"),
};
const words = (count: number) =>
  new Uint32Array(platformRandom(4 * count).slice().buffer);
const delta = words(4), salt = words(4);
delta[0] |= 1;
const inputs = new Labels(circuit.inputs, lanes, words(1584 * 4 * lanes));
const knowledge = {
  bits: Array.from(
    { length: circuit.knownBits },
    () => platformRandom(lanes).map((byte) => byte & 1),
  ),
  values: [],
};
const kernel = makeKernel(), origin = { firstGate: 0, firstLane: 0 };
const times = { garble: [] as number[], evaluate: [] as number[] };
for (let turn = 0; turn < turns; turn++) {
  const start = cpuMs();
  const secrets = { delta, salt };
  const { tables, rows } = garble(kernel, schedules.garbler, {
    inputs,
    knowledge,
    secrets,
    origin,
  });
  const middle = cpuMs();
  evaluate(kernel, schedules.evaluator, { inputs, tables, rows, salt, origin });
  times.garble.push(middle - start);
  times.evaluate.push(cpuMs() - middle);
}
const perSecond = (ms: number[]) => {
  const warm = ms.slice(warmUp).toSorted((a, b) => a - b);
  const median = warm[warm.length >> 1];
  return Math.round(circuit.ands * lanes / median * 1000);
};
console.log(JSON.stringify({
  ands: circuit.ands * lanes,
  garbleAndsPerSecond: perSecond(times.garble),
  evaluateAndsPerSecond: perSecond(times.evaluate),
}));
