/** The meter: attacks that work on what is bare, and what is left of them. */
import assert from "node:assert/strict";
import { runAttacks } from "../../attack/mod.ts";
import { leastSquares } from "../../attack/measure/least_squares.ts";
import type { AttackReport } from "../../attack/report/report.ts";
import { areaUnderCurve, compareRows } from "../../attack/measure/scoring.ts";
import type { AttackedProfile } from "../../attack/client/target.ts";
import { recoveryFigure } from "../../attack/report/figure.ts";
import { tinyModel } from "../reference/tiny_models.ts";

/** A convolution, two hidden layers and ten scores. */
const model = tinyModel(21, [1, 8, 8], [
  { kind: "convolution", channels: 8, kernel: [3, 3], pool: "sum" },
  { kind: "convolution", channels: 8, kernel: [2, 2] },
  { kind: "dense", length: 40 },
  { kind: "dense", length: 10, weightLimit: 15 },
]);

async function attack(
  profile: AttackedProfile,
  ...attacks: string[]
): Promise<AttackReport[]> {
  return await runAttacks(model, {
    profiles: [profile],
    attacks,
    queries: 500,
  });
}

Deno.test("without protection the meter reads the scores' layer, a hidden layer and the filters", async () => {
  const reports = await attack(
    "none",
    "direct",
    "fingerprint",
    "hidden-dense",
    "convolution",
    "wide",
  );
  for (const { attack, recovered, bitsReceived } of reports) {
    assert.ok(recovered! >= 0.99, `${attack}: ${recovered}`);
    assert.ok(bitsReceived > 0);
  }
  const [direct] = reports;
  assert.equal(direct.agreement, 1);
  assert.ok(direct.labelOnlyAgreement! < 1);
});

Deno.test("under paper the meter tells decoys from real neurons and reads the layers", async () => {
  const [direct, fingerprint, statistics] = await attack(
    "paper",
    "direct",
    "fingerprint",
    "decoy-statistics",
  );
  assert.ok(direct.recovered! >= 0.99);
  assert.equal(fingerprint.decoyAuc, 1);
  assert.ok(statistics.decoyAuc! > 0.95);
});

Deno.test("under standard inputs one by one fail, fingerprints do not", async () => {
  const [direct, fingerprint, statistics] = await attack(
    "standard",
    "direct",
    "fingerprint",
    "decoy-statistics",
  );
  assert.ok(direct.recovered! < 0.3);
  assert.ok(fingerprint.recovered! >= 0.9);
  assert.ok(statistics.decoyAuc! < 0.9);
});

Deno.test("under strict no clone of the scores' layer is better than labels alone give", async () => {
  const reports = await attack("strict", "direct", "fingerprint");
  for (const { attack, recovered, agreement, labelOnlyAgreement } of reports) {
    assert.ok(recovered! < 0.3, `${attack}: ${recovered}`);
    // Of a thousand inputs, and clones of nothing agree with some labels by luck.
    assert.ok(agreement! <= labelOnlyAgreement! + 0.05, attack);
  }
  const [wide] = await attack("strict", "wide");
  assert.equal(wide.recovered, null);
  assert.match(wide.outcome, /: 0 of \d+ answers alike/);
});

Deno.test("under every profile subgroups reveal nothing, units are checked, noise averages out", async () => {
  for (const profile of ["none", "strict"] as const) {
    const [parity, smooth, multiples] = await attack(
      profile,
      "parity",
      "smooth",
      "multiples-of-p",
    );
    // About 240 guesses each.
    assert.ok(Math.abs(parity.recovered! - parity.chance!) < 0.17);
    assert.ok(Math.abs(smooth.recovered! - smooth.chance!) < 0.17);
    assert.equal(
      multiples.outcome.match(/ciphertext-out-of-range/g)?.length,
      3,
    );
  }
  const [averaging, ignored] = await attack(
    "standard",
    "averaging",
    "ignored-channels",
  );
  const [first, last] = [...averaging.outcome.matchAll(/\d+\.\d+/g)].map(
    Number,
  );
  assert.ok(last < first);
  assert.equal(ignored.decoyAuc, 1);
});

Deno.test("selectors and replays reveal what each profile allows", async () => {
  const [selectors, replay] = await attack("standard", "selectors", "replay");
  assert.match(selectors.outcome, /one-hot: 6 of 6 decode/);
  assert.match(selectors.outcome, /1, 1, -1: 6 of 6 decode/);
  assert.doesNotMatch(
    selectors.outcome,
    /all zeros: 6 of 6|two ones: 6 of 6|alone: 6 of 6/,
  );
  assert.match(replay.outcome, /again: the same bytes/);
  assert.match(replay.outcome, /used token: token-spent/);
  const [bare] = await attack("paper", "selectors");
  assert.match(bare.outcome, /two ones: 6 of 6 decode/);
});

Deno.test("scoring ignores order and scale and counts a wrong weight", () => {
  const truth = [[1, -2, 3], [0, 5, -1]].map((row) => Float64Array.from(row));
  const found = [[0, 10, -2], [0.5, -1, 1.5]].map((row) =>
    Float64Array.from(row)
  );
  assert.deepEqual(compareRows(found, truth), {
    recovered: 1,
    cosine: 1,
    matches: [1, 0],
  });
  found[0][0] = 2;
  assert.ok(compareRows(found, truth).recovered < 1);
  assert.equal(areaUnderCurve([3, 2], [1, 2]), 0.875);
});

Deno.test("least squares finds the unknowns of random equations", () => {
  const equations = [[1, 2], [3, 4], [5, 6]].map((row) =>
    Float64Array.from(row)
  );
  const [x] = leastSquares(equations, [Float64Array.of(5, 11, 17)]);
  assert.ok(Math.abs(x[0] - 1) < 1e-9 && Math.abs(x[1] - 2) < 1e-9);
});

Deno.test("a figure has a line for every curve", async () => {
  const svg = recoveryFigure(
    "model",
    await attack("none", "direct", "fingerprint"),
  );
  assert.equal(svg.match(/<polyline/g)?.length, 2);
});
