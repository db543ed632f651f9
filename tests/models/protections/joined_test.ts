/** Models whose gateway joins activations, under every protection: the same answers. */
import { deepEqual, equal, throws } from "node:assert/strict";
import { compileModel } from "../../../models/compiler/compile.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import type { PrivacyProfile } from "../../../models/package/format.ts";
import { disturbanceAmplitude } from "../../../models/protections/disturbance.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import type { Reveal } from "../../../sdk/wire/values.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { encryptedRun } from "../../support/encrypted_run.ts";
import { largest } from "../../support/guarded.ts";

/** A gate for each channel, a norm, and attention over what is left. */
function joining(g: GraphBuilder): string {
  const x = g.node("Relu", [g.conv("x", [4, 2, 3, 3])]);
  const means = g.node("GlobalAveragePool", [x]);
  const gate = g.node("Sigmoid", [g.conv(means, [4, 4, 1, 1])]);
  const gated = g.node("Mul", [x, gate]);
  // A round reads it, and the gateway beside that round's gate.
  const inner = g.node("Relu", [g.conv(gated, [4, 4, 1, 1])]);
  const own = g.node("Sigmoid", [g.conv(inner, [4, 4, 1, 1])]);
  const twice = g.node("Mul", [inner, own]);
  const normal = g.node("LpNormalization", [twice], { axis: 1 });
  const rows = g.node("Reshape", [normal, g.integers(1, 4, 4)]);
  const turned = g.node("Transpose", [rows], { perm: [0, 2, 1] });
  const weights = g.node("Softmax", [g.node("MatMul", [rows, turned])]);
  return g.head(g.node("MatMul", [weights, rows]), 16, 4);
}

function compiled(privacy: PrivacyProfile, reveal: Reveal) {
  const g = new GraphBuilder([2, 4, 4], { seed: 3 });
  const { model } = compileModel(g.bytes(joining(g)), {
    name: "joining",
    calibration: g.readings(20),
    inputRange: [-8, 8],
    weightBits: 6,
    activationBits: 6,
    acceptError: true,
    privacy,
    reveal,
  });
  return { model, readings: g.readings(2) };
}

for (const privacy of ["paper", "standard"] as const) {
  Deno.test(`joined activations, ${privacy}: scores equal the simulator's`, async () => {
    const { model, readings } = compiled(privacy, "scores");
    for (const reading of readings) {
      const { scores } = await encryptedRun(model, reading);
      const integers = quantise(reading, model.manifest);
      deepEqual(scores, [...simulate(model, integers).scores]);
    }
  });
}

Deno.test("joined activations, strict: the label is that of the largest score", async () => {
  const { model, readings } = compiled("strict", "label");
  for (const reading of readings) {
    const { predicted } = await encryptedRun(model, reading);
    const integers = quantise(reading, model.manifest);
    equal(predicted, largest(simulate(model, integers).scores));
  }
});

Deno.test("joined activations, sealed: refused, each by the name of its node", () => {
  throws(() => compiled("sealed", "label"), (error) => {
    const { nodes } = error as UnsupportedModelError;
    deepEqual(
      nodes.map(({ operator }) => operator),
      ["keep", "combine", "combine", "matmul"],
    );
    return error instanceof UnsupportedModelError &&
      nodes.every(({ name, why }) => name && /no garbled circuit/.test(why));
  });
});

Deno.test("what is kept before it is rounded bears no noise", () => {
  const { model } = compiled("standard", "label");
  const [round] = model.manifest.rounds;
  const requantise = round.steps.find(({ op }) => op === "requantise")!;
  const kept = { op: "keep" as const, as: "k" };
  const amplitude = (...steps: typeof round.steps) =>
    disturbanceAmplitude({ ...round, steps }, .5);
  equal(amplitude(kept, requantise), 0);
  equal(amplitude(requantise, kept) > 0, true);
});
