import { deepEqual, equal, ok } from "node:assert/strict";
import fc from "fast-check";
import { mean } from "../../../bench/paper/statistics.ts";
import { quantile } from "../../../bench/shared/harness.ts";
import { type Costs, warmCpuMs } from "../../../bench/scale/costs.ts";
import { quotedPrices, simulateDay } from "../../../bench/scale/day.ts";
import { EventQueue } from "../../../bench/scale/event_queue.ts";
import { limits } from "../../../bench/scale/limits.ts";
import {
  arrivalRate,
  type Scenario,
  simulate,
} from "../../../bench/scale/simulate.ts";

const costs: Costs = {
  model: "two rounds",
  keyBits: 2048,
  measured: "never",
  rounds: [
    {
      shards: 1,
      callMs: 30,
      answers: 40,
      bytesUp: 1e5,
      bytesDown: 2e4,
      encryptMs: 5,
      decryptMs: 50,
    },
    {
      shards: 2,
      callMs: 20,
      answers: 20,
      bytesUp: 2e5,
      bytesDown: 1e4,
      encryptMs: 5,
      decryptMs: 10,
    },
  ],
  sessionMs: 60,
  directMs: 2,
  firstAnswers: 50,
  keysCounted: 256,
  bankMs: 250,
  bankBytes: 14e6,
  processMs: 500,
  modelMs: 300,
  writes: 1,
};

const scenario: Scenario = {
  gateways: 1000,
  intervalMs: 600_000,
  daySwing: 0,
  hour: 0,
  concurrency: 4,
  maxInstances: Infinity,
  idleMs: 300_000,
  bankMemoryBytes: 192 * 2 ** 20,
  routing: "affinity",
  shards: null,
  gatewayFactor: 1,
  roundTripMs: 40,
  bitsPerMs: 20_000,
  sessionMs: 3_600_000,
  windowMs: 1_000_000,
  seed: 3,
};

Deno.test("events come out in the order of their times", () => {
  fc.assert(fc.property(fc.array(fc.integer()), (times) => {
    const queue = new EventQueue<number>();
    times.forEach((time) => queue.push(time, -time));
    const out = times.map(() => queue.pop());
    deepEqual(
      out.map(({ time }) => time),
      times.toSorted((a, b) => a - b),
    );
    ok(out.every(({ time, value }) => value === -time));
    equal(queue.size, 0);
  }));
});

Deno.test("the same seed gives the same outcome, another one another", () => {
  deepEqual(simulate(costs, scenario), simulate(costs, scenario));
  const other = simulate(costs, { ...scenario, seed: 4 });
  ok(other.inferences !== simulate(costs, scenario).inferences);
});

Deno.test("an inference alone on warm instances takes the sum of its parts", () => {
  // One gateway in an hour: nobody to wait for, no session to start, no tables to make.
  const outcome = simulate({ ...costs, sessionMs: 0, bankMs: 0, directMs: 0 }, {
    ...scenario,
    gateways: 1,
    intervalMs: 3_600_000,
    windowMs: 360_000_000,
    idleMs: Infinity,
    maxInstances: 1,
    sessionMs: 0,
  });
  const bytes = 8 * (1e5 + 2e4 + 2e5 + 1e4) / 20_000;
  // With one instance the two shards wait for each other; a session's start is a round trip.
  const expected = 30 + 2 * 20 + 5 + 5 + 50 + 10 + 3 * 40 + bytes;
  ok(outcome.inferences > 50);
  ok(Math.abs(quantile(outcome.latenciesMs, 0.5) - expected) < 1e-6);
});

Deno.test("simulates as many inferences as the rate says, and no less work than they take warm", () => {
  const outcome = simulate(costs, scenario);
  const expected = arrivalRate(scenario) * scenario.windowMs;
  ok(Math.abs(outcome.inferences - expected) < 5 * Math.sqrt(expected));
  equal(outcome.latenciesMs.length, outcome.inferences);
  const warm = warmCpuMs(costs) * outcome.inferences;
  ok(outcome.cpuMs > warm);
  ok(outcome.bankMs < outcome.cpuMs);
  // One instance would be at work all the time: more are there.
  ok(outcome.meanInstances >= outcome.cpuMs / scenario.windowMs);
});

Deno.test("a queue of one instance waits as queueing theory says", () => {
  // One round of one call, alone with its queue: M/D/1, mean wait = rho / (2 (1 - rho)) services.
  const [round] = costs.rounds;
  const single = {
    ...costs,
    sessionMs: 0,
    bankMs: 0,
    directMs: 0,
    rounds: [round],
  };
  const rho = 0.7;
  const { latenciesMs } = simulate(single, {
    ...scenario,
    intervalMs: 1000 * round.callMs / rho,
    maxInstances: 1,
    // Its token never expires: no session's start joins the queue.
    sessionMs: Infinity,
    roundTripMs: 0,
    bitsPerMs: Infinity,
    windowMs: 3_000_000,
  });
  const wait = mean(latenciesMs) - round.callMs - round.encryptMs -
    round.decryptMs;
  const theory = rho / (2 * (1 - rho)) * round.callMs;
  ok(Math.abs(wait / theory - 1) < 0.1, `${wait} against ${theory}`);
});

Deno.test("keys that no instance remembers are answered without tables, few keys with them", () => {
  const more = (changes: Partial<Scenario>) => {
    const outcome = simulate(costs, {
      ...scenario,
      routing: "spread",
      windowMs: 600_000,
      ...changes,
    });
    return outcome.bankMs / outcome.inferences;
  };
  // Forgotten by the next reading: 60 answers, in calls to three instances.
  const forgotten = more({ gateways: 1e6, windowMs: 3000 });
  ok(Math.abs(forgotten / (60 * costs.directMs) - 1) < 0.02, `${forgotten}`);
  // Two keys at one instance have their tables all the time.
  ok(more({ gateways: 2, maxInstances: 1 }) < 1);
  // A hundred are counted, and their tables forgotten: each inference makes them.
  const thrashing = more({
    gateways: 100,
    maxInstances: 1,
    bankMemoryBytes: costs.bankBytes,
  });
  ok(Math.abs(thrashing / costs.bankMs - 1) < 0.1, `${thrashing}`);
  const affinity = more({ gateways: 2000, routing: "affinity" });
  ok(affinity !== more({ gateways: 2000 }));
});

Deno.test("a day sums its hours, and costs what its parts are worth", () => {
  const { gateways, intervalMs } = scenario;
  const day = simulateDay(costs, { ...scenario, daySwing: 0.6 }, {
    prices: { ...quotedPrices, vcpuSecond: 0, gibSecond: 0, millionCalls: 0 },
    memoryGib: 1,
  });
  const expected = 86_400_000 / intervalMs * gateways;
  ok(Math.abs(day.inferences / expected - 1) < 0.05);
  const egress = day.inferences * 3e4 / 1e9 * quotedPrices.egressGb;
  ok(Math.abs(day.dollars / egress - 1) < 1e-9);
  // At 18 h 1.6 times the mean of 1000 gateways every 600 s, each 30 kB.
  ok(Math.abs(day.peakEgressBytes - 1.6 / 0.6 * 3e4) < 1e-6);
});

Deno.test("the first limit comes first", () => {
  const found = limits(costs, {
    intervalMs: 60_000,
    peakFactor: 2,
    cores: 2,
    processes: 2,
    bankMemoryBytes: 140e6,
    writesPerSecond: 100,
    egressBytesPerSecond: 3e6,
  });
  deepEqual(found.map(({ gateways }) => Math.round(gateways)), [
    20,
    188,
    316,
    512,
    857,
    3000,
    3000,
  ]);
  equal(found[0].resource, "tables of keys kept between readings");
});
