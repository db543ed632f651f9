/**
 * AND gates a second, as JSON: of processor time on one thread, and those of a whole call
 * with one thread and two.
 *
 * @module
 */
import process from "node:process";
import { Command } from "commander";
import { readScriptArguments } from "../../cli/commands/program.ts";
import { EvaluationThreads } from "../../functions/threads/threads.ts";
import { Circuit } from "../../sdk/garbling/circuit.ts";
import { unmask } from "../../sdk/garbling/circuits/shares.ts";
import { evaluate } from "../../sdk/garbling/evaluate.ts";
import { garble } from "../../sdk/garbling/garble.ts";
import { makeKernel } from "../../sdk/garbling/kernel.ts";
import { Labels } from "../../sdk/garbling/labels.ts";
import { scheduleOf } from "../../sdk/garbling/schedule.ts";
import { garbleStages, StageEvaluator } from "../../sdk/garbling/rounds/run.ts";
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
const lanes = 80, turns = 80, callTurns = 25;
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

/** A call of one such stage, alone and by two threads of the functions. */
const stage = {
  operandBits: 1,
  parts: [{
    circuit,
    lanes,
    operands: Array.from(
      { length: circuit.inputs },
      (_, wire) =>
        Int32Array.from({ length: lanes }, (_, i) => wire * lanes + i),
    ),
    results: [Int32Array.from({ length: lanes }, (_, i) => i)],
    known: null,
  }],
  elements: { count: lanes, bits: circuit.outputs.length },
};
const choices = new Labels(1, circuit.inputs * lanes);
const threads = new EvaluationThreads(2, platformRandom(32));
await threads.ping();
const walls = { alone: [] as number[], shared: [] as number[] };
const spent = { alone: [] as number[], shared: [] as number[] };
for (let turn = 0; turn < callTurns; turn++) {
  for (const way of ["alone", "shared"] as const) {
    const start = performance.now(), startCpu = cpuMs();
    await Array.fromAsync(garbleStages(kernel, [stage], {
      choices,
      secrets: { delta, salt },
      knowledgeOf: (_, first, count) => ({
        bits: knowledge.bits.map((bits) => bits.subarray(first, first + count)),
        values: [],
      }),
      threads: way === "alone" ? undefined : threads.garblingFor("bench"),
    }));
    walls[way].push(performance.now() - start);
    spent[way].push(cpuMs() - startCpu);
  }
}
threads.close();
const ands = circuit.ands + circuit.knownAnds / 2;
const perSecond = (ms: number[], from = warmUp) => {
  const warm = ms.slice(from).toSorted((a, b) => a - b);
  const median = warm[warm.length >> 1];
  return Math.round(ands * lanes / median * 1000);
};
console.log(JSON.stringify({
  ands: ands * lanes,
  garbleAndsPerSecond: perSecond(times.garble),
  evaluateAndsPerSecond: perSecond(times.evaluate),
  call: {
    garbleAndsPerWallSecond: perSecond(walls.alone, 5),
    twoThreads: perSecond(walls.shared, 5),
    garbleAndsPerProcessorSecond: perSecond(spent.alone, 5),
    twoThreadsPerProcessorSecond: perSecond(spent.shared, 5),
  },
}));
