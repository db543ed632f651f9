/** Graphs that no exporter writes: refused by name, before they cost anything. */
import { deepEqual, ok, throws } from "node:assert/strict";
import { readOnnx } from "../../../models/compiler/onnx/read.ts";
import { lower } from "../../../models/compiler/lower/lower.ts";
import { UnsupportedModelError } from "../../../models/compiler/lower/unsupported.ts";
import {
  type GraphSpec,
  type NodeSpec,
  type TensorSpec,
  writeOnnx,
} from "../../reference/onnx_writer.ts";

const integers = (...data: number[]): TensorSpec => ({
  shape: [data.length],
  data,
  type: "int64",
});

const dense: TensorSpec = { shape: [4, 2], data: new Float32Array(8).fill(1) };

/** y = x W, and whatever else the nodes say. */
function compile(
  nodes: NodeSpec[],
  constants: Record<string, TensorSpec> = {},
  changes: Partial<GraphSpec> = {},
) {
  return lower(readOnnx(writeOnnx({
    inputs: { x: ["batch", 4] },
    outputs: ["y"],
    nodes,
    constants: { w: dense, ...constants },
    ...changes,
  })));
}

const product: NodeSpec = {
  operator: "MatMul",
  inputs: ["x", "w"],
  outputs: ["y"],
};

/** What is said of one node ahead of the product, whose result the product adds. */
function refusal(
  node: Omit<NodeSpec, "outputs"> & { outputs?: string[] },
  constants: Record<string, TensorSpec> = {},
): string {
  try {
    compile(
      [
        { outputs: ["t"], ...node },
        { ...product, outputs: ["p"] },
        { operator: "Add", inputs: ["p", "t"], outputs: ["y"] },
      ],
      constants,
    );
  } catch (error) {
    ok(error instanceof UnsupportedModelError, String(error));
    return error.nodes.map(({ why }) => why).join("; ");
  }
  throw new Error("It was taken");
}

Deno.test("refuses operators named like members of Object", () => {
  for (const operator of ["toString", "constructor", "__proto__", "valueOf"]) {
    deepEqual(
      refusal({ operator, inputs: ["x"] }),
      "the operator is not known",
    );
  }
});

Deno.test("refuses a cycle of nodes", () => {
  const identity = (from: string, to: string): NodeSpec => ({
    operator: "Identity",
    inputs: [from],
    outputs: [to],
  });
  throws(
    () => compile([identity("t", "y"), identity("y", "t")]),
    /its input "t" is given by no node before it/,
  );
  throws(
    () => compile([identity("x", "x"), product]),
    /its output "x" is given twice/,
  );
  throws(
    () => compile([product, identity("x", "y")]),
    /its output "y" is given twice/,
  );
});

Deno.test("accepts inputs and outputs that are left out", () => {
  deepEqual(
    refusal({ operator: "Conv", inputs: ["x"] }),
    "it has 1 inputs, and needs 2",
  );
  deepEqual(
    refusal({ operator: "Where", inputs: ["x", "", "x"] }),
    "it has 1 inputs, and needs 3",
  );
  throws(
    () => compile([{ ...product, outputs: [] }, product]),
    /it has no output/,
  );
});

Deno.test("refuses a few bytes that ask for gigabytes", () => {
  const huge = { n: integers(2 ** 20, 2 ** 20) };
  for (
    const [node, constants] of [
      [{ operator: "ConstantOfShape", inputs: ["n"] }, huge],
      [{ operator: "Expand", inputs: ["w", "n"] }, {
        n: integers(2 ** 40, 4, 2),
      }],
      [{ operator: "Range", inputs: ["a", "b", "c"] }, {
        a: { shape: [], data: [0], type: "int64" },
        b: { shape: [], data: [2 ** 40], type: "int64" },
        c: { shape: [], data: [1], type: "int64" },
      }],
      [{ operator: "Range", inputs: ["a", "b", "a"] }, {
        a: { shape: [], data: [0], type: "int64" },
        b: { shape: [], data: [5], type: "int64" },
      }],
      [{ operator: "Pad", inputs: ["x", "n"] }, {
        n: integers(0, 0, 0, 2 ** 40),
      }],
    ] satisfies [Omit<NodeSpec, "outputs">, Record<string, TensorSpec>][]
  ) {
    ok(
      /Cannot make a tensor of shape \[[^\]]*\]: expected at most 16777216/
        .test(refusal(node, constants)),
      node.operator,
    );
  }
  throws(
    () => compile([product], {}, { inputs: { x: ["batch", 2 ** 40] } }),
    /more than 16777216 elements/,
  );
});

Deno.test("refuses windows, axes and orders that make no sense", () => {
  const image = { inputs: { x: ["batch", 1, 4, 4] } } satisfies Partial<
    GraphSpec
  >;
  const pool = (attributes: NodeSpec["attributes"]) => () =>
    compile(
      [{ operator: "MaxPool", inputs: ["x"], outputs: ["y"], attributes }],
      {},
      image,
    );
  for (
    const attributes of [
      { kernel_shape: [2, 2], strides: [0, 1] },
      { kernel_shape: [2, 2], pads: [1] },
      { kernel_shape: [2, 2], dilations: [-1, 1] },
      { kernel_shape: [2, 2, 2] },
      {},
    ] as NodeSpec["attributes"][]
  ) throws(pool(attributes), /its window of .* is none/);
  throws(
    pool({ kernel_shape: [2 ** 20, 2 ** 20], auto_pad: "SAME_UPPER" }),
    /sees more than 16777216 elements/,
  );
  deepEqual(
    refusal({
      operator: "Transpose",
      inputs: ["w"],
      attributes: { perm: [0, 0] },
    }),
    "Cannot transpose 2 axes in order [0,0]",
  );
  deepEqual(
    refusal({ operator: "Concat", inputs: ["w"], attributes: { axis: 7 } }),
    "Cannot use axis 7 of 2",
  );
  deepEqual(
    refusal({ operator: "Gather", inputs: ["w", "i"] }, { i: integers(9) }),
    "Cannot gather element 9 of 4",
  );
});

Deno.test("refuses tensors of negative lengths", () => {
  throws(
    () =>
      compile([product], {
        w: { shape: [-4, -2], data: new Float32Array(8) },
      }),
    /expected at most 32 whole lengths, got shape \[-4,-2\]/,
  );
});

Deno.test("Min and Max of constants take any number of them", () => {
  const value = (data: number): TensorSpec => ({ shape: [1], data: [data] });
  const constants = { a: value(3), b: value(7), c: value(5) };
  const { rounds: [{ bias }] } = compile([
    { operator: "Max", inputs: ["a", "b", "c"], outputs: ["m"] },
    { ...product, outputs: ["p"] },
    { operator: "Add", inputs: ["p", "m"], outputs: ["y"] },
  ], constants);
  deepEqual([...bias], [7, 7]);
});
