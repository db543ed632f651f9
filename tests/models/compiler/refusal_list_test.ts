/** The list of a model's unsupported nodes is complete, right and short. */
import { deepEqual, equal, match, ok } from "node:assert/strict";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import {
  type OffendingNode,
  UnsupportedModelError,
} from "../../../models/compiler/lower/unsupported.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";

function refusal(build: (g: GraphBuilder) => string, shape = [4, 8, 8]) {
  const g = new GraphBuilder(shape);
  try {
    lower(readOnnx(g.bytes(build(g))));
  } catch (error) {
    ok(error instanceof UnsupportedModelError, String(error));
    return error;
  }
  throw new Error("expected a refusal");
}

const operators = ({ nodes }: { nodes: OffendingNode[] }) =>
  nodes.map(({ operator }) => operator);

/** x to the power of a gate computed from x. */
function gated(g: GraphBuilder, x: string): string {
  const pooled = g.node("GlobalAveragePool", [x]);
  const gate = g.node("Sigmoid", [g.conv(pooled, [4, 4, 1, 1])]);
  return g.node("Pow", [x, gate]);
}

Deno.test("examines the nodes behind a refused one", () => {
  const error = refusal((g) => {
    let x = "x";
    for (let block = 0; block < 3; block++) {
      x = gated(
        g,
        g.node("Relu", [g.conv(x, [4, 4, 3, 3], { pads: [1, 1, 1, 1] })]),
      );
      x = g.node("Hardmax", [x], { axis: 1 });
    }
    return g.conv(x, [4, 4, 1, 1]);
  });
  deepEqual(operators(error).sort(), [
    ...Array(3).fill("Hardmax"),
    ...Array(3).fill("Pow"),
  ]);
});

Deno.test("a constant behind a refused node is not taken for the reading", () => {
  const error = refusal((g) => {
    const weights = g.node("Mystery", [g.weights([4, 4, 1, 1])]);
    return g.node("Conv", ["x", weights]);
  });
  deepEqual(operators(error), ["Mystery"]);
});

Deno.test("nodes of one operator and reason share a line of three names", () => {
  const error = refusal((g) => {
    let x = "x";
    for (let i = 0; i < 20; i++) x = g.node("Mystery", [x]);
    return x;
  });
  equal(error.nodes.length, 20);
  const [head, line, ...more] = error.message.split("\n");
  match(head, /20 unsupported nodes/);
  match(
    line,
    /^ {2}Mystery: \S+, \S+, \S+ and 17 more: the operator is not known/,
  );
  equal(more.length, 0);
});

Deno.test("refuses a tree with the reason", () => {
  const error = refusal((g) => g.node("TreeEnsembleRegressor", ["x"]));
  match(error.message, /trees compare features/);
});

Deno.test("refuses by node a map that no package may hold", () => {
  const error = refusal(
    (g) => g.node("Relu", [g.node("Conv", ["x", g.weights([1, 1, 1, 1])])]),
    [1, 600, 600],
  );
  match(error.message, /its map of 360000 places is larger than 262144/);
});
