/** Linear maps join where that is cheaper, and deep graphs of them lower at once. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import type { FloatNetwork } from "../../../models/compiler/ir.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { evaluator } from "../../../models/compiler/reference/evaluate.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";

/** Lowers the graph and holds it to its own evaluation. */
function lowered(g: GraphBuilder, output: string): FloatNetwork {
  const graph = readOnnx(g.bytes(output));
  const network = lower(graph);
  const [reading] = g.readings(1);
  const expected = evaluator(graph, [graph.outputs[0].name])(reading);
  const got = runFloat(network, reading);
  equal(got.length, expected.length);
  got.forEach((value, i) =>
    ok(Math.abs(value - expected[i]) < 1e-9 * (1 + Math.abs(expected[i])))
  );
  return network;
}

function weightsOf({ rounds }: FloatNetwork): number {
  return rounds.flatMap(({ terms }) => terms)
    .reduce((sum, { map }) => sum + map.weights.length, 0);
}

/** Inverted residuals with linear bottlenecks of these sizes. */
function bottlenecks(side: number, narrow: number, blocks: number) {
  const g = new GraphBuilder([narrow, side, side]);
  let x = "x";
  for (let block = 0; block < blocks; block++) {
    const wide = g.node("Relu", [g.conv(x, [6 * narrow, narrow, 1, 1])]);
    const projected = g.conv(wide, [narrow, 6 * narrow, 1, 1]);
    x = block === 0 ? projected : g.node("Add", [x, projected]);
  }
  return { g, output: g.node("Relu", [g.conv(x, [8, narrow, 1, 1])]) };
}

Deno.test("small bottlenecks are multiplied out, large ones are not", () => {
  const small = bottlenecks(4, 2, 3);
  equal(lowered(small.g, small.output).rounds.length, 4);
  const large = bottlenecks(28, 24, 3);
  const network = lowered(large.g, large.output);
  // The last projection alone joins the few channels behind it. Multiplied out, the
  // expansions alone would hold 3 * 144 * 144 weights.
  equal(network.rounds.length, 6);
  ok(weightsOf(network) < 3 * 144 * 144 / 2, `${weightsOf(network)}`);
});

/** x * hardsigmoid(x), written out. */
function hardSwish(g: GraphBuilder, x: string): string {
  const gate = g.node("HardSigmoid", [x], {
    alpha: { float: 1 / 6 },
    beta: { float: .5 },
  });
  return g.node("Mul", [x, gate]);
}

Deno.test("blocks of squeeze and excite take a round for each convolution", () => {
  const g = new GraphBuilder([16, 12, 12]);
  let x = "x", convolutions = 0;
  const convolve = (from: string, shape: number[], attributes = {}) => {
    convolutions++;
    return g.conv(from, shape, attributes);
  };
  for (let block = 0; block < 2; block++) {
    const wide = hardSwish(g, convolve(x, [64, 16, 1, 1]));
    const around = { group: 64, pads: [1, 1, 1, 1] };
    const mapped = hardSwish(g, convolve(wide, [64, 1, 3, 3], around));
    const means = g.node("GlobalAveragePool", [mapped]);
    const inner = g.node("Relu", [convolve(means, [16, 64, 1, 1])]);
    const gate = g.node("HardSigmoid", [convolve(inner, [64, 16, 1, 1])]);
    const gated = g.node("Mul", [mapped, gate]);
    const projected = convolve(gated, [16, 64, 1, 1]);
    x = g.node("Add", [x, projected]);
  }
  const { rounds } = lowered(g, g.node("Relu", [x]));
  // The last projection joins the sum behind it with what is left.
  equal(rounds.length, convolutions - 1);
});

Deno.test("dense blocks of 40 layers lower without multiplying them out", () => {
  const g = new GraphBuilder([8, 6, 6]);
  let all = "x";
  for (let layer = 0; layer < 40; layer++) {
    const relu = g.node("Relu", [g.conv(all, [8, 8 + 4 * layer, 1, 1])]);
    const added = g.conv(relu, [4, 8, 3, 3], { pads: [1, 1, 1, 1] });
    all = g.node("Concat", [all, added], { axis: 1 });
  }
  const network = lowered(g, g.node("Relu", [all]));
  ok(network.rounds.length >= 41);
});

for (const pool of ["MaxPool", "AveragePool"]) {
  Deno.test(`${pool} behind a Concat of channels: each branch pools its own`, () => {
    const g = new GraphBuilder([3, 8, 8]);
    const branches = [2, 5].map((channels) =>
      g.node("Relu", [g.conv("x", [channels, 3, 1, 1])])
    );
    const joined = g.node("Concat", branches, { axis: 1 });
    const pooled = g.node(pool, [joined], {
      kernel_shape: [2, 2],
      strides: [2, 2],
    });
    const network = lowered(g, g.node("Relu", [g.conv(pooled, [4, 7, 1, 1])]));
    deepEqual(network.rounds.map(({ writesShape }) => writesShape), [
      [2, 4, 4],
      [5, 4, 4],
      [4, 4, 4],
    ]);
  });
}
