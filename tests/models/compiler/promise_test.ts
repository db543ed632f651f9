/** The promised error: chosen bits keep it, and compile fails where they cannot. */
import { deepEqual, equal, ok, throws } from "node:assert/strict";
import {
  compileModel,
  type CompileOptions,
} from "../../../models/compiler/compile.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { InaccurateModelError } from "../../../models/compiler/quantise/promise.ts";
import { scoreErrors } from "../../../models/compiler/quantise/score_errors.ts";
import { simulate } from "../../../models/simulate/simulate.ts";
import { quantise } from "../../../sdk/fixed_point/quantise.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";

/** A regression of `scales.length` outputs of these sizes about these means. */
function regression(means: number[], scales: number[]) {
  const g = new GraphBuilder([8], { seed: 11 });
  const hidden = g.node("Relu", [g.dense("x", 8, 16)]);
  const outputs = g.dense(hidden, 16, scales.length);
  const sized = g.node("Mul", [
    outputs,
    g.constant({ shape: [scales.length], data: scales }),
  ]);
  const onnx = g.bytes(
    g.node("Add", [
      sized,
      g.constant({ shape: [means.length], data: means }),
    ]),
  );
  return { g, onnx };
}

function compile(
  { g, onnx }: ReturnType<typeof regression>,
  options: Partial<CompileOptions> = {},
) {
  return compileModel(onnx, {
    name: "x",
    calibration: g.readings(100),
    ...options,
  });
}

const regressions: Record<string, [means: number[], scales: number[]]> = {
  "an output far from zero": [[293], [1.5]],
  "outputs of different size": [[0, 0], [1, .017]],
  "outputs of different size far from zero": [[300, -.5], [2, .05]],
};
for (const [name, [means, scales]] of Object.entries(regressions)) {
  Deno.test(`chosen bits keep the variation of ${name}`, () => {
    const built = regression(means, scales);
    const { model, network, report } = compile(built);
    ok(report.worstScoreError! <= .03, `${report.worstScoreError}`);
    const unseen = built.g.readings(100);
    const wanted = unseen.map((reading) => runFloat(network, reading));
    const got = unseen.map((reading) =>
      simulate(
        model,
        quantise(reading, model.manifest, { clamp: true }),
      ).scores
    );
    const { worst } = scoreErrors(wanted, got, scales.length);
    ok(worst!.error < .05, `score ${worst!.score}: ${worst!.error}`);
  });
}

Deno.test("one score has no arg-max that could agree", () => {
  equal(compile(regression([0], [1])).report.agreement, null);
  const { report } = compile(regression([0, 0], [1, 1]));
  ok(report.agreement! > .9);
  const scores = compile(regression([0, 0], [1, 1]), { reveal: "scores" });
  equal(scores.report.agreement, null);
});

Deno.test("refuses a model that loses more than promised, naming the score", () => {
  // The second output is nothing beside the first: no 12 bits hold both.
  const lost = regression([0, 0], [1, 1e-6]);
  throws(() => compile(lost), (error: unknown) => {
    ok(error instanceof InaccurateModelError);
    return /with 12 bits everywhere, score 1 is off by/.test(error.message);
  });
  throws(
    () => compile(lost, { labels: ["volume", "leak"] }),
    /score leak is off/,
  );
  const coarse = { weightBits: 2, activationBits: 2 };
  throws(
    () => compile(regression([293], [1.5]), coarse),
    /more than the 25\.0 % allowed/,
  );
  const { report } = compile(lost, { acceptError: true });
  ok(report.worstScoreError! > .9 && report.worstScore === 1);
});

const unknowing: Record<string, (g: GraphBuilder) => number[][]> = {
  "one reading": (g) => g.readings(1).map((reading) => [...reading]),
  "readings that are all the same": (g) =>
    Array(50).fill([...g.readings(1)[0]]),
};
for (const [name, readings] of Object.entries(unknowing)) {
  Deno.test(`${name}: no licence for fewer bits, and said`, () => {
    const built = regression([1, 2], [1, 1]), told: string[] = [];
    const { report, model } = compile(built, {
      calibration: readings(built.g),
      onProgress: (message) => told.push(message),
    });
    deepEqual(report.rounds.map(({ weightBits }) => weightBits), [8, 8]);
    equal(model.manifest.provenance.inputBits, 8);
    equal(report.worstScoreError, null);
    equal(report.constantScores, 2);
    equal(report.constantElements, 8);
    ok(told.some((line) => line.endsWith("8 bits everywhere")));
  });
}

Deno.test("a constant score is measured by the variation of the others", () => {
  const wanted = [[0, 5], [1, 5], [2, 5]], got = [[0, 6], [1, 5], [2, 5]];
  const { worst, constant } = scoreErrors(wanted, got, 2);
  equal(constant, 1);
  equal(worst!.score, 1);
  equal(worst!.error, Math.sqrt(1 / 2));
  deepEqual(scoreErrors([[1, 1]], [[1, 1]], 2), { worst: null, constant: 2 });
});

Deno.test("every channel of a picture counts as a score", () => {
  const wanted = [[0, 0, 0, 9], [1, 1, 0, 8]];
  const got = [[0, 0, 0, 9], [1, 0, 0, 8]];
  const { worst } = scoreErrors(wanted, got, 2);
  deepEqual(worst, { score: 0, error: 1 });
});
