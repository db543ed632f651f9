/**
 * What each ONNX operator gives, by its definition: nothing is fused or rewritten.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import { listAttribute, number, text } from "./attributes.ts";
import { functionOfOne, functionsOfTwo } from "./elementwise.ts";
import {
  axisOf,
  moveElements,
  size,
  stretch,
  stretchShapes,
  tensor,
} from "./tensors.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { mlOperators } from "./ml.ts";
import { cells, recurrent } from "./recurrent.ts";
import { normOperators } from "./norms.ts";
import { resizeNearest } from "./resize.ts";
import { quantisedOperators } from "./quantised.ts";
import {
  convolution,
  pool,
  reduction,
  transposedConvolution,
} from "./windows.ts";

type Rule = (
  node: OnnxNode,
  inputs: (Tensor | null)[],
  opset: number,
) => Tensor;

/** First output of a node; of Split and recurrent layers, all. */
export function evaluateNode(
  node: OnnxNode,
  inputs: (Tensor | null)[],
  opset: number,
): Tensor[] {
  if (Object.hasOwn(cells, node.operator)) return recurrent(node, inputs);
  return node.operator === "Split"
    ? split(node, inputs)
    : [firstOutput(node, inputs, opset)];
}

function split(node: OnnxNode, [x, given]: (Tensor | null)[]): Tensor[] {
  const { shape } = x!, axis = axisOf(number(node, "axis", 0), shape.length);
  const parts = node.outputs.length, part = Math.ceil(shape[axis] / parts);
  const lengths = listOf(node, "split", given) ??
    node.outputs.map((_, i) => Math.min(part, shape[axis] - part * i));
  return lengths.map((length, i) => {
    const before = lengths.slice(0, i).reduce((a, b) => a + b, 0);
    return moveElements(
      x!,
      shape.with(axis, length),
      (place) => place.map((at, a) => a === axis ? at + before : at),
    );
  });
}

function firstOutput(
  node: OnnxNode,
  inputs: (Tensor | null)[],
  opset: number,
): Tensor {
  if (Object.hasOwn(rules, node.operator)) {
    return rules[node.operator](node, inputs, opset);
  }
  const [x] = inputs;
  const f = functionOfOne(node);
  if (f && x) return tensor(x.shape, x.data.map(f), x.type);
  if (Object.hasOwn(functionsOfTwo, node.operator)) {
    const g = functionsOfTwo[node.operator];
    const tensors = inputs.filter((input) => input !== null);
    const joined = tensors.reduce((a, b) => ofTwo(node.operator, g, a, b));
    if (node.operator !== "Mean") return joined;
    return { ...joined, data: joined.data.map((v) => v / tensors.length) };
  }
  throw new RangeError(`Cannot evaluate: ${node.operator} is not known`);
}

function ofTwo(
  operator: string,
  f: (a: number, b: number) => number,
  a: Tensor,
  b: Tensor,
): Tensor {
  const shape = stretchShapes(a.shape, b.shape);
  const left = stretch(a, shape).data, right = stretch(b, shape).data;
  const whole = a.type === "integer" && operator === "Div";
  const data = left.map((value, i) => {
    const result = f(value, right[i]);
    return whole ? Math.trunc(result) : result;
  });
  return tensor(shape, data, a.type);
}

/** An input, or the attribute that older opsets have instead. */
function listOf(
  node: OnnxNode,
  name: string,
  input: Tensor | null | undefined,
): number[] | null {
  return input ? [...input.data] : listAttribute(node, name);
}

const same: Rule = (_, [x]) => x!;

const gemm: Rule = (node, [a, b, c]) => {
  const turn = (x: Tensor) =>
    moveElements(x, x.shape.toReversed(), ([i, j]) => [j, i]);
  const left = number(node, "transA", 0) ? turn(a!) : a!;
  const right = number(node, "transB", 0) ? turn(b!) : b!;
  const alpha = number(node, "alpha", 1), beta = number(node, "beta", 1);
  const product = matMul(left, right);
  const added = c ? stretch(c, product.shape).data : null;
  return tensor(
    product.shape,
    product.data.map((v, i) => alpha * v + (added ? beta * added[i] : 0)),
  );
};

function matMul(a: Tensor, b: Tensor): Tensor {
  const left = a.shape.length === 1 ? tensor([1, ...a.shape], a.data) : a;
  const right = b.shape.length === 1 ? tensor([...b.shape, 1], b.data) : b;
  const [m, k] = left.shape.slice(-2), [rows, n] = right.shape.slice(-2);
  if (k !== rows) {
    throw new RangeError(`Cannot evaluate: [${a.shape}] times [${b.shape}]`);
  }
  const lead = stretchShapes(left.shape.slice(0, -2), right.shape.slice(0, -2));
  const x = stretch(left, [...lead, m, k]).data;
  const y = stretch(right, [...lead, k, n]).data;
  const data = new Float64Array(size(lead) * m * n);
  for (let i = 0; i < data.length; i++) {
    const block = Math.floor(i / (m * n));
    const row = Math.floor(i / n) % m, column = i % n;
    let sum = 0;
    for (let j = 0; j < k; j++) {
      sum += x[(block * m + row) * k + j] * y[(block * k + j) * n + column];
    }
    data[i] = sum;
  }
  const shape = [...lead];
  if (a.shape.length > 1) shape.push(m);
  if (b.shape.length > 1) shape.push(n);
  return tensor(shape, data);
}

const batchNormalization: Rule = (node, [x, scale, shift, mean, variance]) => {
  const epsilon = number(node, "epsilon", 1e-5);
  const channels = x!.shape[1], area = size(x!.shape.slice(2));
  return tensor(
    x!.shape,
    x!.data.map((value, i) => {
      const c = Math.floor(i / area) % channels;
      const deviation = Math.sqrt(variance!.data[c] + epsilon);
      return (value - mean!.data[c]) / deviation * scale!.data[c] +
        shift!.data[c];
    }),
  );
};

const cast: Rule = (node, [x]) => {
  const to = number(node, "to", 1);
  if ([1, 10, 11, 16].includes(to)) return { ...x!, type: "float" };
  const convert = to === 9 ? (v: number) => v ? 1 : 0 : Math.trunc;
  return { ...x!, type: "integer", data: x!.data.map(convert) };
};

const reshape: Rule = (node, [x, wanted]) => {
  const keepsZero = number(node, "allowzero", 0) === 0;
  const shape = [...wanted!.data].map((n, axis) =>
    n === 0 && keepsZero ? x!.shape[axis] : n
  );
  const known = size(shape.filter((n) => n !== -1));
  const full = shape.map((n) => n === -1 ? x!.data.length / known : n);
  if (size(full) !== x!.data.length) {
    throw new RangeError(
      `Cannot evaluate: [${x!.shape}] has no shape [${wanted!.data}]`,
    );
  }
  return { ...x!, shape: full };
};

const slice: Rule = (node, [x, s, e, a, p]) => {
  const starts = listOf(node, "starts", s)!, ends = listOf(node, "ends", e)!;
  const axes = listOf(node, "axes", a) ?? starts.map((_, i) => i);
  const first = x!.shape.map(() => 0), steps = x!.shape.map(() => 1);
  const shape = [...x!.shape];
  axes.forEach((given, i) => {
    const axis = axisOf(given, shape.length), length = x!.shape[axis];
    const step = p ? p.data[i] : 1;
    const [min, max] = step > 0 ? [0, length] : [-1, length - 1];
    const [from, to] = [starts[i], ends[i]].map((at) =>
      Math.max(min, Math.min(max, at < 0 ? at + length : at))
    );
    first[axis] = Math.max(0, from);
    steps[axis] = step;
    shape[axis] = Math.max(0, Math.ceil((to - first[axis]) / step));
  });
  return moveElements(
    x!,
    shape,
    (place) => place.map((at, axis) => first[axis] + at * steps[axis]),
  );
};

const pad: Rule = (node, [x, p, value, given]) => {
  const mode = text(node, "mode", "constant"), { shape } = x!;
  const pads = listOf(node, "pads", p)!;
  const fill = value ? value.data[0] : number(node, "value", 0);
  const axes = given ? [...given.data] : shape.map((_, axis) => axis);
  const before = shape.map(() => 0), to = [...shape];
  axes.forEach((a, i) => {
    const axis = axisOf(a, shape.length);
    before[axis] = pads[i];
    to[axis] += pads[i] + pads[i + axes.length];
  });
  const source = (at: number, n: number): number => {
    if ((at >= 0 && at < n) || mode === "constant") return at;
    if (mode === "edge") return at < 0 ? 0 : n - 1;
    if (mode === "wrap") return ((at % n) + n) % n;
    return at < 0 ? -at : 2 * n - 2 - at;
  };
  return moveElements(x!, to, (place) => {
    const from = place.map((at, axis) =>
      source(at - before[axis], shape[axis])
    );
    return from.every((at, axis) => at >= 0 && at < shape[axis]) ? from : null;
  }, fill);
};

/** Where an element of DepthToSpace's result comes from. */
const depthToSpace: Rule = (node, [x]) => {
  const b = number(node, "blocksize", 1), [n, c, h, w] = x!.shape;
  const rest = c / (b * b), columnFirst = text(node, "mode", "DCR") === "CRD";
  return moveElements(x!, [n, rest, h * b, w * b], ([batch, channel, y, x]) => {
    const cell = y % b * b + x % b;
    const from = columnFirst ? channel * b * b + cell : cell * rest + channel;
    return [batch, from, Math.floor(y / b), Math.floor(x / b)];
  });
};

const spaceToDepth: Rule = (node, [x]) => {
  const b = number(node, "blocksize", 1), [n, c, h, w] = x!.shape;
  return moveElements(
    x!,
    [n, c * b * b, h / b, w / b],
    ([batch, channel, y, x]) => {
      const cell = Math.floor(channel / c);
      return [
        batch,
        channel % c,
        y * b + Math.floor(cell / b),
        x * b + cell % b,
      ];
    },
  );
};

const concat: Rule = (node, inputs) => {
  const tensors = inputs as Tensor[], [first] = tensors;
  const axis = axisOf(number(node, "axis", 1), first.shape.length);
  const inner = size(first.shape.slice(axis + 1));
  const shape = [...first.shape];
  shape[axis] = tensors.reduce((sum, t) => sum + t.shape[axis], 0);
  const data = new Float64Array(size(shape));
  let to = 0;
  for (let block = 0; block < size(shape.slice(0, axis)); block++) {
    for (const { data: part, shape: own } of tensors) {
      const length = own[axis] * inner;
      data.set(part.subarray(block * length, (block + 1) * length), to);
      to += length;
    }
  }
  return tensor(shape, data, first.type);
};

const gather: Rule = (node, [x, index]) => {
  const axis = axisOf(number(node, "axis", 0), x!.shape.length);
  const rank = index!.shape.length;
  const shape = x!.shape.toSpliced(axis, 1, ...index!.shape);
  return moveElements(x!, shape, (place) => {
    let at = 0;
    for (let i = 0; i < rank; i++) at = at * index!.shape[i] + place[axis + i];
    const chosen = axisOf(index!.data[at], x!.shape[axis]);
    return place.toSpliced(axis, rank, chosen);
  });
};

const constant: Rule = ({ attributes }) => {
  for (const [name, { kind, value }] of attributes) {
    const type = name.startsWith("value_int") ? "integer" : "float";
    if (kind === "tensor") return value;
    if (kind === "number") return tensor([], Float64Array.of(value), type);
    if (kind === "numbers") {
      return tensor([value.length], Float64Array.from(value), type);
    }
  }
  throw new RangeError("Cannot evaluate: a Constant holds no numbers");
};

const where: Rule = (_, [condition, yes, no]) => {
  const shape = stretchShapes(
    condition!.shape,
    stretchShapes(yes!.shape, no!.shape),
  );
  const [c, a, b] = [condition!, yes!, no!].map((t) => stretch(t, shape).data);
  return tensor(shape, c.map((v, i) => v ? a[i] : b[i]), yes!.type);
};

const reduce: Rule = (node, [x, axes]) =>
  reduction(node, x!, listOf(node, "axes", axes));

const rules: Readonly<Record<string, Rule>> = {
  Conv: convolution,
  ConvTranspose: transposedConvolution,
  Gemm: gemm,
  MatMul: (_, [a, b]) => matMul(a!, b!),
  BatchNormalization: batchNormalization,
  AveragePool: (node, [x]) => pool(node, x!, "mean"),
  GlobalAveragePool: (node, [x]) => pool(node, x!, "mean"),
  MaxPool: (node, [x]) => pool(node, x!, "max"),
  GlobalMaxPool: (node, [x]) => pool(node, x!, "max"),
  ReduceMean: reduce,
  ReduceSum: reduce,
  ReduceProd: reduce,
  ReduceMax: reduce,
  ReduceMin: reduce,
  ReduceSumSquare: reduce,
  ReduceL1: reduce,
  ReduceL2: reduce,
  Not: (_, [x]) => ({ ...x!, data: x!.data.map((v) => v === 0 ? 1 : 0) }),
  Identity: same,
  Dropout: same,
  Cast: cast,
  Clip: (node, [x, low, high]) => {
    const min = low?.data[0] ?? number(node, "min", -Infinity);
    const max = high?.data[0] ?? number(node, "max", Infinity);
    return { ...x!, data: x!.data.map((v) => Math.min(max, Math.max(min, v))) };
  },
  Shape: (node, [x]) => {
    const start = number(node, "start", 0);
    const part = x!.shape.slice(start, number(node, "end", x!.shape.length));
    return tensor([part.length], Float64Array.from(part), "integer");
  },
  Reshape: reshape,
  Flatten: (node, [x]) => {
    const axis = axisOf(number(node, "axis", 1), x!.shape.length);
    const rows = size(x!.shape.slice(0, axis));
    return { ...x!, shape: [rows, x!.data.length / rows] };
  },
  Squeeze: (node, [x, a]) => {
    const axes = listOf(node, "axes", a)
      ?.map((axis) => axisOf(axis, x!.shape.length));
    const shape = x!.shape.filter((n, axis) =>
      axes ? !axes.includes(axis) : n !== 1
    );
    return { ...x!, shape };
  },
  Unsqueeze: (node, [x, a]) => {
    const given = listOf(node, "axes", a)!;
    const rank = x!.shape.length + given.length, shape = [...x!.shape];
    const axes = given.map((axis) => axisOf(axis, rank));
    for (const axis of axes.sort((p, q) => p - q)) shape.splice(axis, 0, 1);
    return { ...x!, shape };
  },
  Transpose: (node, [x]) => {
    const axes = x!.shape.map((_, axis) => axis);
    const order = listAttribute(node, "perm") ?? axes.reverse();
    return moveElements(x!, order.map((axis) => x!.shape[axis]), (place) => {
      const from = [...place];
      order.forEach((axis, i) => from[axis] = place[i]);
      return from;
    });
  },
  DepthToSpace: depthToSpace,
  SpaceToDepth: spaceToDepth,
  Slice: slice,
  Pad: pad,
  Concat: concat,
  Gather: gather,
  Constant: constant,
  ConstantOfShape: ({ attributes }, [shape]) => {
    const fill = attributes.get("value");
    const value = fill?.kind === "tensor" ? fill.value : null;
    const lengths = [...shape!.data];
    const data = new Float64Array(size(lengths)).fill(value?.data[0] ?? 0);
    return tensor(lengths, data, value?.type);
  },
  Expand: (_, [x, shape]) =>
    stretch(x!, stretchShapes(x!.shape, [...shape!.data])),
  Range: (_, [start, limit, step]) => {
    const values: number[] = [];
    const [from, to, by] = [start!, limit!, step!].map((t) => t.data[0]);
    for (let v = from; by > 0 ? v < to : v > to; v += by) values.push(v);
    return tensor([values.length], Float64Array.from(values), start!.type);
  },
  Where: where,
  ...normOperators,
  Resize: resizeNearest,
  Upsample: resizeNearest,
  ...quantisedOperators(matMul),
  ...mlOperators,
};
