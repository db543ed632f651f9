/** The plain evaluator of ONNX graphs, beside onnxruntime. */
import { ok, throws } from "node:assert/strict";
import { runOnnx } from "../../../bench/shared/onnx_oracle.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { floatStatistics } from "../../../models/compiler/quantise/statistics.ts";
import { compareWithGraph } from "../../../models/compiler/reference/compare.ts";
import { evaluator } from "../../../models/compiler/reference/evaluate.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";
import { buildCase, operatorCases } from "./operator_cases.ts";
import { randomGraph } from "./random_graphs.ts";

async function compare(
  onnx: Uint8Array,
  readings: Float32Array[],
  shape: number[],
) {
  const graph = readOnnx(onnx);
  const evaluate = evaluator(graph, [graph.outputs[0].name]);
  const expected = await runOnnx(onnx, readings, [1, ...shape]);
  readings.forEach((reading, s) => {
    let difference = 0, energy = 0;
    evaluate(reading).forEach((value, i) => {
      difference += (value - expected[s][i]) ** 2;
      energy += expected[s][i] ** 2;
    });
    ok(difference <= 1e-10 * energy, `${Math.sqrt(difference / energy)}`);
  });
}

for (const operatorCase of operatorCases) {
  Deno.test(`evaluates ${operatorCase.name} as onnxruntime does`, async () => {
    const { onnx, builder } = buildCase(operatorCase);
    await compare(onnx, builder.readings(3), operatorCase.shape);
  });
}

Deno.test("evaluates random graphs as onnxruntime does", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { onnx, builder } = randomGraph(seed);
    await compare(onnx, builder.readings(2), builder.inputShape);
  }
});

Deno.test("reports rounds that differ from the graph", () => {
  const g = new GraphBuilder([6]);
  const onnx = g.bytes(g.dense(g.node("Relu", [g.dense("x", 6, 8)]), 8, 3));
  const graph = readOnnx(onnx), readings = g.readings(5);
  const network = lower(graph);
  const compare = () =>
    compareWithGraph(
      graph,
      network,
      readings,
      floatStatistics(network, readings),
    );
  ok(compare().difference < 1e-12);
  network.rounds[0].terms[0].map.weights[7] += .01;
  throws(compare, /differ from the ONNX graph/);
});
