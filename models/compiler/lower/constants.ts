/**
 * Values of nodes whose inputs are all known: folding of exporters' arithmetic.
 *
 * @module
 */
import { numberAttribute, type OnnxNode } from "../onnx/graph.ts";
import {
  broadcastIndex,
  broadcastShapes,
  checkedSize,
  gridIndex,
  integers,
  shortRanges,
  sizeOf,
  stridesOf,
  type Tensor,
} from "../onnx/tensor.ts";
import { quantisedConstants } from "./quantised_constants.ts";
import { UnsupportedNodeError } from "./unsupported.ts";
import {
  concatShape,
  normaliseAxis,
  reductionAxes,
  resolveReshape,
  sliceRanges,
  squeezeShape,
  transposeOrder,
  unsqueezeShape,
} from "./shapes.ts";
import { scalarFunction } from "./scalar_functions.ts";

type Rule = (node: OnnxNode, inputs: (Tensor | null)[]) => Tensor;

/**
 * The node's first output, or null where no rule folds the operator.
 *
 * @param inputs constants; null where an optional one is left out
 */
export function foldConstant(
  node: OnnxNode,
  inputs: (Tensor | null)[],
): Tensor | null {
  if (Object.hasOwn(rules, node.operator)) {
    return rules[node.operator](node, inputs);
  }
  const f = inputs[0] && scalarFunction(node, inputs);
  return f ? { ...inputs[0]!, data: inputs[0]!.data.map(f) } : null;
}

/** Whether a type of ONNX is one of real numbers. */
export function isFloatType(type: number): boolean {
  return type === 1 || type === 10 || type === 11 || type === 16;
}

/** Ranges of ONNX's types of whole numbers. */
const integerTypes: Readonly<Record<number, [low: number, high: number]>> = {
  2: [0, 2 ** 8 - 1],
  3: [-(2 ** 7), 2 ** 7 - 1],
  4: [0, 2 ** 16 - 1],
  5: [-(2 ** 15), 2 ** 15 - 1],
  6: [-(2 ** 31), 2 ** 31 - 1],
  7: [-(2 ** 63), 2 ** 63],
  12: [0, 2 ** 32 - 1],
  13: [0, 2 ** 64],
};

/** Operators of two numbers. */
export const arithmetic: Record<string, (a: number, b: number) => number> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
  Pow: (a, b) => a ** b,
};

/** Comparisons and the like, on constants only. */
const comparisons: Record<string, (a: number, b: number) => number> = {
  Equal: (a, b) => Number(a === b),
  Less: (a, b) => Number(a < b),
  Greater: (a, b) => Number(a > b),
  GreaterOrEqual: (a, b) => Number(a >= b),
  LessOrEqual: (a, b) => Number(a <= b),
  And: (a, b) => Number(a !== 0 && b !== 0),
  Or: (a, b) => Number(a !== 0 || b !== 0),
  Mod: (a, b) => a - b * Math.floor(a / b),
  Min: Math.min,
  Max: Math.max,
};

const rules: Record<string, Rule> = {
  Constant: (node) => {
    for (const [name, attribute] of node.attributes) {
      if (attribute.kind === "tensor") return attribute.value;
      if (attribute.kind === "number") {
        return {
          type: name === "value_int" ? "integer" : "float",
          shape: [],
          data: Float64Array.of(attribute.value),
        };
      }
      if (attribute.kind === "numbers") {
        return {
          ...integers(attribute.value),
          type: name === "value_ints" ? "integer" : "float",
        };
      }
    }
    throw new UnsupportedNodeError(
      "its value is no tensor of numbers",
      "export the constant as a dense tensor",
    );
  },
  ConstantOfShape: (node, [shape]) => {
    const attribute = node.attributes.get("value");
    const fill = attribute?.kind === "tensor" ? attribute.value : null;
    const lengths = [...shape!.data];
    return {
      type: fill?.type ?? "float",
      shape: lengths,
      data: new Float64Array(checkedSize(lengths)).fill(fill?.data[0] ?? 0),
    };
  },
  Identity: (_, [x]) => x!,
  Dropout: (_, [x]) => x!,
  Cast: (node, [x]) => {
    const type = numberAttribute(node, "to", 1);
    const { shape } = x!;
    if (isFloatType(type)) return { type: "float", shape, data: x!.data };
    if (type === 9) {
      return {
        type: "boolean",
        shape,
        data: x!.data.map((v) => v === 0 ? 0 : 1),
      };
    }
    const [low, high] = integerTypes[type] ?? [0, -1];
    const data = x!.data.map((v) => Math.trunc(v) + 0);
    if (data.every((v) => v >= low && v <= high)) {
      return { type: "integer", shape, data, range: shortRanges[type] };
    }
    throw new UnsupportedNodeError(
      `its constant does not fit ONNX's type ${type}`,
      "correct the model",
    );
  },
  Gather: (node, [x, index]) => {
    const axis = normaliseAxis(
      numberAttribute(node, "axis", 0),
      x!.shape.length,
    );
    const before = sizeOf(x!.shape.slice(0, axis));
    const length = x!.shape[axis], inner = sizeOf(x!.shape.slice(axis + 1));
    const shape = [
      ...x!.shape.slice(0, axis),
      ...index!.shape,
      ...x!.shape.slice(axis + 1),
    ];
    const data = new Float64Array(checkedSize(shape));
    let to = 0;
    for (let b = 0; b < before; b++) {
      for (const given of index!.data) {
        const at = given < 0 ? given + length : given;
        if (!Number.isInteger(at) || at < 0 || at >= length) {
          throw new RangeError(`Cannot gather element ${given} of ${length}`);
        }
        const from = (b * length + at) * inner;
        data.set(x!.data.subarray(from, from + inner), to);
        to += inner;
      }
    }
    return { type: x!.type, shape, data };
  },
  Concat: (node, inputs) => {
    const tensors = inputs as Tensor[];
    const { axis, shape } = concatShape(node, tensors.map((t) => t.shape));
    const strides = stridesOf(shape);
    const data = new Float64Array(checkedSize(shape));
    let offset = 0;
    for (const tensor of tensors) {
      gridIndex(tensor.shape, strides, offset).forEach((to, i) =>
        data[to] = tensor.data[i]
      );
      offset += tensor.shape[axis] * strides[axis];
    }
    return { type: tensors[0].type, shape, data };
  },
  Reshape: (node, [x, shape]) => ({
    ...x!,
    shape: resolveReshape(node, x!.shape, [...shape!.data]),
  }),
  Unsqueeze: (node, [x, axes]) => ({
    ...x!,
    shape: unsqueezeShape(node, x!.shape, axes),
  }),
  Squeeze: (node, [x, axes]) => ({
    ...x!,
    shape: squeezeShape(node, x!.shape, axes),
  }),
  Flatten: (node, [x]) => {
    const axis = normaliseAxis(
      numberAttribute(node, "axis", 1),
      x!.shape.length,
      true,
    );
    const rows = sizeOf(x!.shape.slice(0, axis));
    return { ...x!, shape: [rows, sizeOf(x!.shape.slice(axis))] };
  },
  Transpose: (node, [x]) => {
    const order = transposeOrder(node, x!.shape.length);
    const strides = stridesOf(x!.shape);
    const shape = order.map((axis) => x!.shape[axis]);
    return pick(x!, shape, gridIndex(shape, order.map((a) => strides[a]), 0));
  },
  Slice: (node, inputs) => {
    const x = inputs[0]!;
    const { starts, steps, shape } = sliceRanges(node, x.shape, inputs);
    const strides = stridesOf(x.shape);
    const offset = starts.reduce((sum, s, axis) => sum + s * strides[axis], 0);
    const along = steps.map((step, axis) => step * strides[axis]);
    return pick(x, shape, gridIndex(shape, along, offset));
  },
  Expand: (_, [x, shape]) => {
    const to = broadcastShapes(x!.shape, [...shape!.data]);
    return pick(x!, to, broadcastIndex(x!.shape, to));
  },
  Where: (_, [condition, a, b]) => {
    const to = broadcastShapes(
      condition!.shape,
      broadcastShapes(a!.shape, b!.shape),
    );
    const [c, left, right] = [condition!, a!, b!].map((t) =>
      pick(t, to, broadcastIndex(t.shape, to)).data
    );
    return {
      type: a!.type,
      shape: to,
      data: c.map((v, i) => v ? left[i] : right[i]),
    };
  },
  Range: (_, [start, limit, step]) => {
    const count = Math.max(
      0,
      Math.ceil((limit!.data[0] - start!.data[0]) / step!.data[0]),
    );
    const values = Float64Array.from(
      { length: checkedSize([count]) },
      (_, i) => start!.data[0] + i * step!.data[0],
    );
    return { ...integers(values), type: start!.type };
  },
  ReduceProd: (node, inputs) => reduce(node, inputs, (a, b) => a * b, 1),
  ReduceSum: (node, inputs) => reduce(node, inputs, (a, b) => a + b, 0),
  ReduceMean: (node, inputs) => {
    const sum = reduce(node, inputs, (a, b) => a + b, 0);
    const cells = inputs[0]!.data.length / sum.data.length;
    return { ...sum, data: sum.data.map((v) => v / cells) };
  },
  MatMul: (_, [a, b]) => matrixProduct(a!, b!),
  ...quantisedConstants,
};

for (const [operator, f] of Object.entries({ ...arithmetic, ...comparisons })) {
  const ofTwo = (a: Tensor, b: Tensor): Tensor => {
    const shape = broadcastShapes(a.shape, b.shape);
    const left = broadcastIndex(a.shape, shape);
    const right = broadcastIndex(b.shape, shape);
    const whole = a.type === "integer" && operator === "Div";
    const data = Float64Array.from(left, (at, i) => {
      const value = f(a.data[at], b.data[right[i]]);
      return whole ? Math.trunc(value) : value;
    });
    return { type: operator in comparisons ? "boolean" : a.type, shape, data };
  };
  // Min and Max take any number.
  rules[operator] = (_, inputs) =>
    inputs.filter((tensor) => tensor !== null).reduce(ofTwo);
}

function pick(x: Tensor, shape: number[], index: Int32Array): Tensor {
  return {
    type: x.type,
    shape,
    data: Float64Array.from(index, (at) => x.data[at]),
  };
}

function reduce(
  node: OnnxNode,
  [x, axesInput]: (Tensor | null)[],
  f: (a: number, b: number) => number,
  initial: number,
): Tensor {
  const { kept, shape } = reductionAxes(node, x!.shape, axesInput ?? null);
  const strides = stridesOf(kept);
  const steps = x!.shape.map((length, axis) =>
    kept[axis] === length && length > 1 ? strides[axis] : 0
  );
  const data = new Float64Array(sizeOf(kept)).fill(initial);
  gridIndex(x!.shape, steps, 0).forEach((to, i) => {
    data[to] = f(data[to], x!.data[i]);
  });
  return { type: x!.type, shape, data };
}

/** ONNX MatMul (numpy.matmul): leading axes broadcast. */
export function matrixProduct(a: Tensor, b: Tensor): Tensor {
  const left = a.shape.length === 1 ? [1, a.shape[0]] : a.shape;
  const right = b.shape.length === 1 ? [b.shape[0], 1] : b.shape;
  const m = left.at(-2)!, k = left.at(-1)!, n = right.at(-1)!;
  if (left.length < 2 || right.at(-2) !== k) {
    throw new RangeError(
      `Cannot multiply matrices of shapes [${a.shape}] and [${b.shape}]`,
    );
  }
  const lead = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  const leftAt = broadcastIndex(left.slice(0, -2), lead);
  const rightAt = broadcastIndex(right.slice(0, -2), lead);
  const data = new Float64Array(checkedSize([leftAt.length, m, n]));
  for (let block = 0; block < leftAt.length; block++) {
    for (let i = 0; i < m; i++) {
      const to = (block * m + i) * n;
      for (let j = 0; j < k; j++) {
        const factor = a.data[(leftAt[block] * m + i) * k + j];
        if (factor === 0) continue;
        const from = (rightAt[block] * k + j) * n;
        for (let c = 0; c < n; c++) data[to + c] += factor * b.data[from + c];
      }
    }
  }
  const shape = [...lead];
  if (a.shape.length > 1) shape.push(m);
  if (b.shape.length > 1) shape.push(n);
  return { type: "float", shape, data };
}
