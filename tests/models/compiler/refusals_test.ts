/** What a rule would pass over is refused by name, not taken for the default. */
import { deepEqual, match, ok } from "node:assert/strict";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { runFloat } from "../../../models/compiler/float_reference.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import { GraphBuilder } from "../../reference/graph_builder.ts";

/** What is said of a graph; null where it is taken. */
function refusal(build: (g: GraphBuilder) => string, shape = [6]) {
  const g = new GraphBuilder(shape);
  try {
    lower(readOnnx(g.bytes(build(g))));
  } catch (error) {
    ok(error instanceof UnsupportedModelError, String(error));
    return error.message;
  }
  return "taken";
}

const first = (g: GraphBuilder) => g.dense("x", 6, 4);
const last = (g: GraphBuilder, x: string) => g.dense(x, 4, 3);

Deno.test("refuses a cast that truncates what depends on the reading", () => {
  for (const to of [2, 6, 7, 9]) {
    match(
      refusal((g) =>
        last(g, g.node("Cast", [g.node("Cast", [first(g)], { to })], { to: 1 }))
      ),
      /casts what depends on the reading/,
    );
  }
  deepEqual(
    refusal((g) => last(g, g.node("Cast", [first(g)], { to: 10 }))),
    "taken",
  );
});

Deno.test("refuses a folded cast that does not fit its type", () => {
  match(
    refusal((g) =>
      g.node("Add", [
        first(g),
        g.node("Cast", [g.node("Cast", [g.number(300)], { to: 2 })], { to: 1 }),
      ])
    ),
    /does not fit ONNX's type 2/,
  );
});

Deno.test("refuses attributes that are unknown or of another kind", () => {
  const gemm = (attributes: Record<string, number | number[]>) =>
    refusal((g) => g.node("Gemm", ["x", g.weights([6, 6])], attributes));
  match(gemm({ transC: 1 }), /attribute "transC" is not known/);
  match(gemm({ transB: [1] }), /transB is of another kind/);
  deepEqual(gemm({ transB: 1 }), "taken");
  match(
    refusal((g) => g.node("Relu", [first(g)], { alpha: { float: .1 } })),
    /attribute "alpha" is not known/,
  );
});

Deno.test("refuses training mode", () => {
  match(
    refusal((g) => {
      const [one, none] = [1, 0].map((value) =>
        g.constant({ shape: [2], data: [value, value] })
      );
      const inputs = [g.conv("x", [2, 2, 1, 1]), one, none, none, one];
      return g.node("BatchNormalization", inputs, { training_mode: 1 });
    }, [2, 3, 3]),
    /training mode/,
  );
});

Deno.test("refuses a bound of Clip that depends on the reading", () => {
  match(
    refusal((g) => {
      const least = g.node("ReduceMean", ["x"], { axes: [1], keepdims: 0 });
      return last(g, g.node("Clip", [first(g), g.node("Squeeze", [least])]));
    }),
    /input 1 .* depends on the reading/,
  );
});

Deno.test("bounds of Clip that cross give the upper one", () => {
  const g = new GraphBuilder([6]);
  const clip = g.node("Clip", [first(g), g.number(1), g.number(-1)]);
  const scores = runFloat(lower(readOnnx(g.bytes(clip))), g.readings(1)[0]);
  deepEqual([...scores], [-1, -1, -1, -1]);
});

Deno.test("refuses numbers that are not finite, given or folded", () => {
  for (const wrong of [NaN, Infinity, -Infinity]) {
    const data = [1, wrong, 0, 0];
    match(
      refusal((g) =>
        last(
          g,
          g.node("Relu", [
            g.node("Add", [first(g), g.constant({ shape: [4], data })]),
          ]),
        )
      ),
      /holds -?(NaN|Infinity) at element 1/,
    );
  }
  for (const variance of [0, -1]) {
    match(
      refusal((g) => {
        const c = (a: number, b: number) =>
          g.constant({ shape: [2], data: [a, b] });
        return g.node("BatchNormalization", [
          ...[g.conv("x", [2, 2, 1, 1]), c(1, 1), c(0, 0), c(0, 0)],
          c(variance, 1),
        ], { epsilon: { float: 0 } });
      }, [2, 3, 3]),
      /it comes to -?(NaN|Infinity)/,
    );
  }
  match(
    refusal((g) => g.node("Div", [first(g), g.number(0)])),
    /it comes to -?(NaN|Infinity)/,
  );
});
