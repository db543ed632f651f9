import { deepEqual, ok } from "node:assert/strict";
import { displayScores } from "../../../sdk/session/answer.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { runOnnx } from "../../../bench/shared/onnx_oracle.ts";

Deno.test("Softmax and LogSoftmax equal onnxruntime's for scores of any size", async () => {
  const scores = [1, -2, .5, 30];
  deepEqual(displayScores(scores, "none"), scores);
  for (
    const [tail, operator] of [
      ["softmax", "Softmax"],
      ["logSoftmax", "LogSoftmax"],
    ] as const
  ) {
    const g = new GraphBuilder([4]);
    const onnx = g.bytes(g.node(operator, ["x"]));
    const [expected] = await runOnnx(onnx, [scores], [1, 4]);
    displayScores(scores, tail).forEach((value, i) =>
      ok(Math.abs(value - expected[i]) <= 1e-6 * (1 + Math.abs(expected[i])))
    );
    ok(displayScores([5000, -5000], tail).every(Number.isFinite));
  }
});
