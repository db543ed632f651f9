/**
 * What the rules understand of each operator: its attributes by kind, and how many of
 * its inputs may depend on the reading. Everything else is refused by name.
 *
 * @module
 */
import type { Attribute, OnnxNode } from "../onnx/graph.ts";
import { UnsupportedNodeError } from "./unsupported.ts";
import type { Value } from "./values.ts";

/** `any`: a number, also as a tensor, which the rule tells apart. */
type Kind = Attribute["kind"] | "any";

interface Signature {
  attributes?: Readonly<Record<string, Kind>>;
  /** Inputs from the first on that may depend on the reading. @default 1 */
  dynamic?: number;
  /** Inputs at most. @default 1 */
  inputs?: number;
}

const any = Infinity;

const window = {
  auto_pad: "string",
  dilations: "numbers",
  kernel_shape: "numbers",
  pads: "numbers",
  strides: "numbers",
} as const;

const alpha = { attributes: { alpha: "number" } } as const;
const ofTwo: Signature = { inputs: 2, dynamic: 2 };
const ofAny: Signature = { inputs: any, dynamic: any };
const reduction: Signature = {
  attributes: {
    axes: "numbers",
    keepdims: "number",
    noop_with_empty_axes: "number",
  },
  inputs: 2,
};
const coefficients = {
  coefficients: "numbers",
  intercepts: "numbers",
  post_transform: "string",
} as const;
const axis = { axis: "number" } as const;
const axes: Signature = { attributes: { axes: "numbers" }, inputs: 2 };
const pooling = { ...window, ceil_mode: "number" } as const;

const signatures: Readonly<Record<string, Signature>> = {
  Conv: { attributes: { ...window, group: "number" }, inputs: 3 },
  ConvTranspose: {
    attributes: {
      ...window,
      group: "number",
      output_padding: "numbers",
      output_shape: "numbers",
    },
    inputs: 3,
  },
  Gemm: {
    attributes: {
      alpha: "number",
      beta: "number",
      transA: "number",
      transB: "number",
    },
    inputs: 3,
  },
  MatMul: ofTwo,
  QuantizeLinear: {
    attributes: { ...axis, output_dtype: "number", saturate: "number" },
    inputs: 3,
  },
  DequantizeLinear: { attributes: axis, inputs: 3 },
  QLinearConv: { attributes: { ...window, group: "number" }, inputs: 9 },
  QLinearMatMul: { inputs: 8, dynamic: 4 },
  ConvInteger: { attributes: { ...window, group: "number" }, inputs: 4 },
  MatMulInteger: { inputs: 4, dynamic: 2 },
  Quant: {
    attributes: {
      signed: "number",
      narrow: "number",
      rounding_mode: "string",
    },
    inputs: 4,
  },
  BipolarQuant: { inputs: 2 },
  RNN: {
    attributes: {
      activations: "strings",
      direction: "string",
      hidden_size: "number",
      layout: "number",
    },
    inputs: 6,
    dynamic: 6,
  },
  GRU: {
    attributes: {
      activations: "strings",
      direction: "string",
      hidden_size: "number",
      layout: "number",
      linear_before_reset: "number",
    },
    inputs: 6,
    dynamic: 6,
  },
  LSTM: {
    attributes: {
      activations: "strings",
      direction: "string",
      hidden_size: "number",
      input_forget: "number",
      layout: "number",
    },
    inputs: 8,
    dynamic: 7,
  },
  Scaler: { attributes: { offset: "numbers", scale: "numbers" } },
  LinearRegressor: { attributes: { ...coefficients, targets: "number" } },
  LinearClassifier: {
    attributes: {
      ...coefficients,
      classlabels_ints: "numbers",
      classlabels_strings: "strings",
      multi_class: "number",
    },
  },
  SVMRegressor: {
    attributes: {
      coefficients: "numbers",
      kernel_params: "numbers",
      kernel_type: "string",
      n_supports: "number",
      one_class: "number",
      post_transform: "string",
      rho: "numbers",
      support_vectors: "numbers",
    },
  },
  OneHotEncoder: {
    attributes: { cats_int64s: "numbers", zeros: "number" },
  },
  RequantShift: {
    attributes: {
      div: "any",
      n_levels: "any",
      n_levels_out: "any",
      signed: "any",
    },
    inputs: 3,
  },
  BatchNormalization: {
    attributes: {
      epsilon: "number",
      momentum: "number",
      spatial: "number",
      training_mode: "number",
    },
    inputs: 5,
  },
  Add: ofTwo,
  Sub: ofTwo,
  Mul: ofTwo,
  Div: ofTwo,
  Pow: ofTwo,
  Sum: ofAny,
  Mean: ofAny,
  Min: ofAny,
  Max: ofAny,
  PRelu: { inputs: 2 },
  AveragePool: { attributes: { ...pooling, count_include_pad: "number" } },
  MaxPool: { attributes: { ...pooling, storage_order: "number" } },
  ReduceMean: reduction,
  ReduceSum: reduction,
  ReduceProd: reduction,
  ReduceMax: reduction,
  ReduceMin: reduction,
  ReduceSumSquare: reduction,
  ReduceL1: reduction,
  ReduceL2: reduction,
  Resize: {
    attributes: {
      antialias: "number",
      coordinate_transformation_mode: "string",
      cubic_coeff_a: "number",
      exclude_outside: "number",
      extrapolation_value: "number",
      mode: "string",
      nearest_mode: "string",
    },
    inputs: 4,
  },
  Upsample: { attributes: { mode: "string", scales: "numbers" }, inputs: 2 },
  Softmax: { attributes: axis },
  LayerNormalization: {
    attributes: { ...axis, epsilon: "number", stash_type: "number" },
    inputs: 3,
  },
  RMSNormalization: {
    attributes: { ...axis, epsilon: "number", stash_type: "number" },
    inputs: 2,
  },
  InstanceNormalization: { attributes: { epsilon: "number" }, inputs: 3 },
  GroupNormalization: {
    attributes: {
      epsilon: "number",
      num_groups: "number",
      stash_type: "number",
    },
    inputs: 3,
  },
  MeanVarianceNormalization: { attributes: { axes: "numbers" } },
  LpNormalization: { attributes: { ...axis, p: "number" } },
  LRN: {
    attributes: {
      alpha: "number",
      beta: "number",
      bias: "number",
      size: "number",
    },
  },
  Clip: { attributes: { min: "number", max: "number" }, inputs: 3 },
  Celu: alpha,
  Elu: alpha,
  LeakyRelu: alpha,
  Swish: alpha,
  ThresholdedRelu: alpha,
  Gelu: { attributes: { approximate: "string" } },
  HardSigmoid: { attributes: { alpha: "number", beta: "number" } },
  Shrink: { attributes: { bias: "number", lambd: "number" } },
  Selu: { attributes: { alpha: "number", gamma: "number" } },
  Concat: { ...ofAny, attributes: axis },
  Slice: {
    attributes: { starts: "numbers", ends: "numbers", axes: "numbers" },
    inputs: 5,
  },
  Pad: {
    attributes: { mode: "string", pads: "numbers", value: "number" },
    inputs: 4,
  },
  Split: {
    attributes: { ...axis, split: "numbers", num_outputs: "number" },
    inputs: 2,
  },
  DepthToSpace: { attributes: { blocksize: "number", mode: "string" } },
  SpaceToDepth: { attributes: { blocksize: "number" } },
  Transpose: { attributes: { perm: "numbers" } },
  Reshape: { attributes: { allowzero: "number" }, inputs: 2 },
  Flatten: { attributes: axis },
  Squeeze: axes,
  Unsqueeze: axes,
  Dropout: { attributes: { ratio: "number", seed: "number" }, inputs: 3 },
  Cast: { attributes: { to: "number", saturate: "number" } },
  Shape: { attributes: { start: "number", end: "number" } },
  Gather: { attributes: axis, inputs: 2 },
  Constant: {
    attributes: {
      value: "tensor",
      value_float: "number",
      value_floats: "numbers",
      value_int: "number",
      value_ints: "numbers",
    },
    inputs: 0,
  },
  ConstantOfShape: { attributes: { value: "tensor" } },
  Expand: { inputs: 2, dynamic: 2 },
  Range: { inputs: 3, dynamic: 3 },
  Where: { inputs: 3, dynamic: 3 },
  Equal: ofTwo,
  Less: ofTwo,
  Greater: ofTwo,
  GreaterOrEqual: ofTwo,
  LessOrEqual: ofTwo,
  And: ofTwo,
  Or: ofTwo,
  Mod: { ...ofTwo, attributes: { fmod: "number" } },
};

/** Values of attributes that the rules do not go by, and what they say otherwise. */
const fixedValues: Readonly<Record<string, [value: number, means: string]>> = {
  training_mode: [0, "it is in training mode"],
  spatial: [1, "it normalises each element by itself"],
  fmod: [0, "it takes remainders of C's kind"],
};

/**
 * Checks that a node says nothing that its rule would pass over.
 *
 * @throws {UnsupportedNodeError} naming the attribute or the input
 */
export function checkSignature(
  node: OnnxNode,
  inputs: readonly (Value | null)[],
): void {
  const known = Object.hasOwn(signatures, node.operator)
    ? signatures[node.operator]
    : {};
  checkAttributes(node, known.attributes ?? {});
  const max = known.inputs ?? 1, dynamic = known.dynamic ?? 1;
  if (inputs.length > max) {
    refuse(`it has ${inputs.length} inputs; ${max} are known`);
  }
  inputs.forEach((value, index) => {
    if (index < dynamic || !value || value.kind === "constant") return;
    throw new UnsupportedNodeError(
      `input ${index} (${
        node.inputs[index]
      }) depends on the reading; only a constant is known there`,
      "make it a constant of the model",
    );
  });
  if (node.operator === "Dropout") {
    const training = inputs[2];
    if (training?.kind === "constant" && training.tensor.data[0] !== 0) {
      refuse("it is in training mode");
    }
  }
}

function checkAttributes(
  { attributes, operator }: OnnxNode,
  known: Readonly<Record<string, Kind>>,
): void {
  for (const [name, { kind, value }] of attributes) {
    if (!Object.hasOwn(known, name)) {
      refuse(`its attribute ${JSON.stringify(name)} is not known`);
    }
    if (kind !== known[name] && known[name] !== "any") {
      refuse(
        `its attribute ${name} is of another kind than expected (${
          known[name]
        })`,
      );
    }
    const bound = operator === "Clip";
    if (kind === "number" && !Number.isFinite(value) && !bound) {
      refuse(`its attribute ${name} is ${value}`);
    }
    if (!Object.hasOwn(fixedValues, name)) continue;
    const [expected, otherwise] = fixedValues[name];
    if (value !== expected) refuse(otherwise);
  }
  const approximate = attributes.get("approximate")?.value ?? "none";
  if (approximate !== "none" && approximate !== "tanh") {
    refuse(`its approximation ${JSON.stringify(approximate)} is not known`);
  }
}

function refuse(why: string): never {
  throw new UnsupportedNodeError(why, "correct the model, or export it anew");
}
