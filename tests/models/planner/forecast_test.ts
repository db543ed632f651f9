import assert from "node:assert/strict";
import { defaultCosts } from "../../../models/planner/cost_model.ts";
import { forecastInference } from "../../../models/planner/forecast.ts";
import { writePackage } from "../../../models/package/read_package.ts";
import {
  type CallLimits,
  planInference,
} from "../../../models/planner/plan.ts";
import {
  answerCiphertexts,
  inputCiphertexts,
} from "../../../sdk/fixed_point/layout.ts";
import { tinyModel } from "../../reference/tiny_models.ts";

const model = tinyModel(5, [2, 12, 12], [
  { kind: "convolution", channels: 6, kernel: [3, 3], pool: "sum" },
  { kind: "dense", length: 40 },
  { kind: "dense", length: 5 },
]);

Deno.test("a forecast prices the cloud's plan: its counts, bytes and shards", () => {
  const options = { modulusBits: 1024, samples: 2 };
  const plan = planInference(model.manifest, {
    ...options,
    tensors: model.tensors,
  });
  const { rounds, total } = forecastInference(model, {
    ...options,
    costs: defaultCosts(1024),
    maxRejected: 3,
  });
  const up = plan.rounds.map(({ layout }) => inputCiphertexts(layout));
  const down = plan.rounds.map(({ layout }) => answerCiphertexts(layout));
  const forecasts = rounds.map(({ chosen }) => chosen.forecast);
  assert.deepEqual(forecasts.map((f) => f.ciphertextsUp), up);
  assert.deepEqual(forecasts.map((f) => f.ciphertextsDown), down);
  assert.deepEqual(
    forecasts.map((f) => f.shards),
    plan.rounds.map((round) => round.shards),
  );
  assert.equal(total.bytesDown, 256 * down.reduce((a, b) => a + b));
  assert.equal(
    total.totalMs,
    forecasts.reduce((sum, forecast) => sum + forecast.totalMs, 0),
  );
});

Deno.test("forecasts as many shards as the cloud's plan has where a call's time is bounded", () => {
  const options = {
    modulusBits: 2048,
    samples: 1,
    costs: defaultCosts(2048),
    maxRejected: 0,
  };
  const shardsOf = (callLimits?: CallLimits) =>
    forecastInference(model, { ...options, callLimits }).rounds
      .map(({ chosen }) => chosen.forecast.shards);
  const callLimits = { maxMillisecondsPerCall: 12, shards: 64 };
  const plan = planInference(model.manifest, {
    modulusBits: 2048,
    samples: 1,
    tensors: model.tensors,
    callLimits,
  });
  const shards = shardsOf(callLimits);
  assert.deepEqual(shards, plan.rounds.map((round) => round.shards));
  assert.notDeepEqual(shards, shardsOf());
});

Deno.test("a machine that is twice as slow takes twice as long, by the same plan", () => {
  const costs = defaultCosts(2048);
  const slower = Object.fromEntries(
    Object.entries(costs).map(([name, cost]) => [name, 2 * cost]),
  ) as unknown as typeof costs;
  const options = { modulusBits: 2048, samples: 1, maxRejected: 2 };
  const fast = forecastInference(model, { ...options, costs });
  const slow = forecastInference(model, { ...options, costs: slower });
  assert.ok(Math.abs(slow.total.totalMs / fast.total.totalMs - 2) < 1e-9);
  assert.deepEqual(
    slow.rounds.map(({ chosen }) => chosen.packing),
    fast.rounds.map(({ chosen }) => chosen.packing),
  );
});

Deno.test("no rejected layout is cheaper by the costs that planning used", () => {
  const { rounds } = forecastInference(model, {
    modulusBits: 1024,
    samples: 1,
    costs: defaultCosts(1024),
    maxRejected: 4,
  });
  for (const { chosen, rejected } of rounds) {
    const times = rejected.map(({ forecast }) => forecast.totalMs);
    assert.ok(times.every((time) => time >= chosen.forecast.totalMs));
    assert.deepEqual(times, times.toSorted((a, b) => a - b));
  }
});

async function planOf(folder: string, ...options: string[]) {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: [
      ...["run", "--allow-all", "--quiet", "cli/main.ts", "plan", folder],
      ...["--key-bits=512", "--samples=3", "--json", ...options],
    ],
    cwd: new URL("../../../", import.meta.url),
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("cipherlayer plan prints the same by committed costs, and measures on demand", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await writePackage(folder, model);
    const report = await planOf(folder);
    assert.equal(report.keyBits, 512);
    assert.equal(report.samples, 3);
    assert.equal(report.measured, false);
    assert.deepEqual(report.costs, defaultCosts(512));
    const { rounds, total } = forecastInference(model, {
      modulusBits: 512,
      samples: 3,
      costs: defaultCosts(512),
      maxRejected: 3,
    });
    assert.deepEqual(
      report.rounds.map(({ chosen }: typeof rounds[0]) => chosen),
      rounds.map(({ chosen }) => chosen),
    );
    assert.deepEqual(report.total, total);
    assert.equal(
      report.emptyPoolMs,
      total.totalMs + total.ciphertextsUp * defaultCosts(512).randomiserMs,
    );
    const measured = await planOf(folder, "--measure");
    assert.equal(measured.measured, true);
    for (const cost of Object.values(measured.costs)) {
      assert.ok(cost as number > 0);
    }
    assert.deepEqual(
      measured.rounds.map(({ chosen }: typeof rounds[0]) => chosen.packing),
      rounds.map(({ chosen }) => chosen.packing),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
