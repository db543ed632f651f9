import { deepEqual, equal, match, ok } from "node:assert/strict";
import { leakageReport } from "../../../sdk/session/leakage.ts";
import { connect } from "../../../sdk/session/session.ts";
import { sum } from "../../../sdk/support/numbers.ts";
import { MemoryKeyStore } from "../../../sdk/keys/key_store.ts";
import { modelLeakage } from "../../../cli/commands/leakage.ts";
import type { ModelPackage } from "../../../models/package/format.ts";
import { planInference } from "../../../models/planner/plan.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { startCloud } from "../../support/cloud.ts";
import {
  randomReading,
  tinyLeNet,
  tinyModel,
} from "../../reference/tiny_models.ts";
import { testKey } from "../../vectors/keys.ts";

const modulusBits = 1024;

function planOf(model: ModelPackage, samples = 1) {
  return planInference(model.manifest, { modulusBits, samples });
}

const prime = 2n ** 61n - 1n;

/**
 * Solves rows * x = values modulo a prime by elimination; null if x is not unique.
 * The weights are small, so the solution modulo the prime is the one in integers.
 */
function solve(rows: number[][], values: number[]): number[] | null {
  const residue = (x: bigint) => ((x % prime) + prime) % prime;
  const inverse = (x: bigint): bigint => {
    let result = 1n;
    for (let e = prime - 2n, power = x; e > 0n; e >>= 1n) {
      if (e & 1n) result = result * power % prime;
      power = power * power % prime;
    }
    return result;
  };
  const matrix = rows.map((row, i) =>
    [...row, values[i]].map((x) => residue(BigInt(x)))
  );
  const unknowns = rows[0].length;
  for (let column = 0; column < unknowns; column++) {
    const at = matrix.findIndex((row, i) => i >= column && row[column] !== 0n);
    if (at < 0) return null;
    [matrix[column], matrix[at]] = [matrix[at], matrix[column]];
    const scale = inverse(matrix[column][column]);
    matrix[column] = matrix[column].map((x) => x * scale % prime);
    for (const [i, row] of matrix.entries()) {
      if (i === column || row[column] === 0n) continue;
      const factor = row[column];
      matrix[i] = row.map((x, j) => residue(x - factor * matrix[column][j]));
    }
  }
  return matrix.slice(0, unknowns).map((row) =>
    Number(row[unknowns] > prime / 2n ? row[unknowns] - prime : row[unknowns])
  );
}

Deno.test("a dense round can be solved after as many inferences as the report says, not before", () => {
  const model = tinyModel(31, [6], [{ kind: "dense", length: 3 }]);
  const [round] = leakageReport(planOf(model), modulusBits).gateway.rounds;
  equal(round.outputs, 3);
  equal(round.weightsPerOutput, 7);
  equal(round.inferencesToSolve, 7);
  const readings = Array.from({ length: 7 }, (_, i) => randomReading(model, i));
  const rows = readings.map((reading) => [...reading, 1]);
  const answers = readings.map((reading) => simulate(model, reading).integers);
  const { data } = model.tensors.get("round0.weights0")!;
  for (let output = 0; output < 3; output++) {
    const values = answers.map((answer) => answer[output]);
    const solved = solve(rows, values);
    deepEqual(solved?.slice(0, 6), [...data.slice(6 * output, 6 * output + 6)]);
    equal(solve(rows.slice(1), values.slice(1)), null);
  }
});

Deno.test("each sample of a batch is another equation", () => {
  const model = tinyModel(31, [6], [{ kind: "dense", length: 3 }]);
  const { gateway } = leakageReport(planOf(model, 4), modulusBits);
  equal(gateway.rounds[0].equations, 12);
  equal(gateway.rounds[0].inferencesToSolve, 2);
});

Deno.test("a convolution gives an equation for each place of its output", () => {
  const model = tinyModel(32, [2, 6, 6], [
    { kind: "convolution", channels: 3, kernel: [3, 3] },
  ]);
  const { gateway } = leakageReport(planOf(model), modulusBits);
  const [round] = gateway.rounds;
  equal(round.outputs, 3);
  equal(round.equations, 3 * 4 * 4);
  ok(round.weightsPerOutput >= 2 * 9 + 1, `${round.weightsPerOutput}`);
});

Deno.test("an answer's report counts what really crossed the network, alike for all readings", async () => {
  const model = tinyLeNet();
  const keys = new MemoryKeyStore();
  await keys.save(testKey(1024));
  await using cloud = startCloud([model]);
  await using session = await connect({
    url: cloud.url,
    model: model.manifest.name,
    keys,
  });
  const readings = [1, 2].map((seed) =>
    randomReading(model, seed).map((x) => x * model.manifest.inputs[0].scale[0])
  );
  const [answer, other] = [
    await session.infer(readings[0]),
    await session.infer(readings[1]),
  ];
  const { cloud: toCloud, gateway } = answer.leakage;
  equal(
    toCloud.ciphertexts,
    sum(answer.rounds.map(({ ciphertextsUp }) => ciphertextsUp)),
  );
  deepEqual(
    gateway.rounds.map(({ answers }) => answers),
    answer.rounds.map(({ ciphertextsDown }) => ciphertextsDown),
  );
  const accumulators = simulate(model, randomReading(model, 1)).rounds
    .map((round) => round.accumulators.length);
  deepEqual(gateway.rounds.map(({ equations }) => equations), accumulators);
  equal(
    gateway.boundBits,
    sum(gateway.rounds.map(({ boundBits }) => boundBits)),
  );
  // No more than the plaintexts can hold.
  ok(gateway.boundBits <= 1024 * sum(gateway.rounds.map((r) => r.answers)));
  equal(gateway.learns.length, 2 + gateway.rounds.length);
  deepEqual(other.leakage, answer.leakage);
});

Deno.test("the report of a package is that of the guarded plan", () => {
  const model = tinyLeNet();
  const scores = modelLeakage(model, { keyBits: 1024, samples: 1 });
  equal(scores.gateway.rounds.length, model.manifest.rounds.length);
  const label = modelLeakage(
    {
      ...model,
      manifest: { ...model.manifest, reveal: "label", privacy: "standard" },
    },
    { keyBits: 1024, samples: 1 },
  );
  // One more round, and an answer of log2 of the number of labels.
  equal(label.gateway.rounds.length, model.manifest.rounds.length + 1);
  const classes = model.manifest.outputs[0].shape[0];
  equal(label.gateway.answerBits, Math.log2(classes));
  match(label.gateway.learns[0], /which label/);
  equal(
    label.weights.count,
    [...model.tensors.values()].reduce((sum, t) => sum + t.data.length, 0),
  );
});
