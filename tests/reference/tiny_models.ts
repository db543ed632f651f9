/**
 * Small random networks as finished packages, for tests of everything that takes
 * a model: correct shapes, ranges and bounds, the same for the same seed.
 */
import { accumulatorBound } from "../../models/package/bounds.ts";
import {
  type ConvolutionTerm,
  type ModelPackage,
  packageFormat,
  type RoundSpec,
  type Term,
  type WeightTensor,
} from "../../models/package/format.ts";
import { multipliesByPowersOfTwo } from "../../sdk/wire/check_interface.ts";
import type { GatewayStep } from "../../sdk/wire/plan.ts";

/** One round to be built; `reads` defaults to the activation before it. */
export type TinyLayer =
  & { reads?: string[]; pool?: "sum" | "max"; weightLimit?: number }
  & (
    | {
      kind: "convolution";
      channels: number;
      kernel: [number, number];
      stride?: [number, number];
      dilation?: [number, number];
      pads?: [number, number, number, number];
      groups?: number;
    }
    | { kind: "dense"; length: number }
  );

/** Activations are unsigned integers of this many bits, as after ReLU. */
const activationHigh = 31;

/** Seeded generator of integers in [low, high] (mulberry32). */
export function seededIntegers(
  seed: number,
): (low: number, high: number) => number {
  let state = seed >>> 0;
  return (low, high) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    const unit = ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    return low + Math.floor(unit * (high - low + 1));
  };
}

/**
 * Builds a network of `layers` with random weights. Activation number i (after
 * round i) is named "a<i>", the reading "input".
 */
export function tinyModel(
  seed: number,
  inputShape: number[],
  layers: TinyLayer[],
): ModelPackage {
  const random = seededIntegers(seed);
  const tensors = new Map<string, WeightTensor>();
  const shapes = new Map([["input", inputShape]]);
  const input = { low: -8, high: 31 };
  const rounds: RoundSpec[] = [];
  const randomTensor = (name: string, shape: number[], limit: number) => {
    const data = Int32Array.from(
      { length: product(shape) },
      () => random(-limit, limit),
    );
    tensors.set(name, { shape, data });
    return name;
  };

  layers.forEach((layer, index) => {
    const last = index === layers.length - 1;
    const reads = layer.reads ?? [index === 0 ? "input" : `a${index - 1}`];
    const limit = layer.weightLimit ?? 3;
    let outputShape: number[] = [];
    const terms = reads.map((tensor, t): Term => {
      const shape = shapes.get(tensor)!;
      const low = tensor === "input" ? input.low : 0;
      const high = tensor === "input" ? input.high : activationHigh;
      const name = `round${index}.weights${t}`;
      if (layer.kind === "dense") {
        outputShape = [layer.length];
        const length = product(shape);
        const weights = randomTensor(name, [layer.length, length], limit);
        return { kind: "dense", reads: tensor, length, low, high, weights };
      }
      const groups = layer.groups ?? 1;
      const inputShape = asImage(shape);
      const weights = randomTensor(
        name,
        [layer.channels, inputShape[0] / groups, ...layer.kernel],
        limit,
      );
      const term: ConvolutionTerm = {
        kind: "convolution",
        reads: tensor,
        inputShape,
        low,
        high,
        weights,
        kernel: layer.kernel,
        stride: layer.stride ?? [1, 1],
        dilation: layer.dilation ?? [1, 1],
        pads: layer.pads ?? [0, 0, 0, 0],
        groups,
      };
      outputShape = convolutionShape(term, layer.channels);
      return term;
    });
    const round: RoundSpec = {
      name: `round${index}`,
      terms,
      outputShape,
      bias: randomTensor(`round${index}.bias`, [outputShape[0]], 40),
      bound: 0,
      steps: [],
      writes: last ? "scores" : `a${index}`,
    };
    round.bound = accumulatorBound(round, tensors);
    if (!last) {
      const poolWindow = layer.pool === "sum" ? 4 : 1;
      round.steps = edgeSteps(layer.pool, round.bound * poolWindow);
    }
    rounds.push(round);
    shapes.set(
      round.writes,
      layer.pool
        ? [
          outputShape[0],
          Math.floor(outputShape[1] / 2),
          Math.floor(outputShape[2] / 2),
        ]
        : outputShape,
    );
  });

  return {
    manifest: {
      format: packageFormat,
      name: `tiny-${seed}`,
      version: "1",
      inputs: [{
        name: "input",
        shape: inputShape,
        labels: null,
        units: null,
        scale: [1 / 16],
        offset: [0],
        ...input,
      }],
      rounds,
      outputs: [{
        name: "scores",
        shape: rounds[rounds.length - 1].outputShape,
        labels: null,
        units: null,
        scale: [1 / 64],
        offset: [0],
        tensor: "scores",
        start: 0,
        tail: "none",
      }],
      states: [],
      powerOfTwo: multipliesByPowersOfTwo(rounds),
      privacy: "standard",
      reveal: "scores",
      provenance: { seed },
      files: {},
    },
    tensors,
  };
}

/** ReLU, 2x2 pooling if wanted, and a multiplier that spreads values over the range. */
function edgeSteps(
  pool: "sum" | "max" | undefined,
  bound: number,
): GatewayStep[] {
  const shift = 16;
  const multiplier = Math.max(
    1,
    Math.floor(activationHigh * 4 * 2 ** shift / (bound + 1)),
  );
  const window = { kernel: [2, 2], stride: [2, 2], pads: [0, 0, 0, 0] } as {
    kernel: [number, number];
    stride: [number, number];
    pads: [number, number, number, number];
  };
  return [
    { op: "relu" },
    ...(pool === "sum" ? [{ op: "sumPool" as const, ...window }] : []),
    ...(pool === "max"
      ? [{ op: "maxPool" as const, dilation: [1, 1] as [1, 1], ...window }]
      : []),
    { op: "requantise", multiplier, shift, low: 0, high: activationHigh },
  ];
}

/** LeNet in small: two convolutions with pooling, two dense rounds. */
export function tinyLeNet(seed = 1): ModelPackage {
  return tinyModel(seed, [1, 12, 12], [
    { kind: "convolution", channels: 3, kernel: [3, 3], pool: "sum" },
    { kind: "convolution", channels: 4, kernel: [3, 3], pool: "max" },
    { kind: "dense", length: 10 },
    { kind: "dense", length: 4 },
  ]);
}

/** Padding, stride, groups, and a residual round that reads two activations. */
export function tinyResidual(seed = 2): ModelPackage {
  const pads: [number, number, number, number] = [1, 1, 1, 1];
  return tinyModel(seed, [2, 8, 7], [
    { kind: "convolution", channels: 4, kernel: [3, 3], pads },
    { kind: "convolution", channels: 4, kernel: [3, 3], pads, groups: 2 },
    {
      kind: "convolution",
      channels: 4,
      kernel: [3, 3],
      pads,
      stride: [2, 2],
      reads: ["a1", "a0"],
    },
    { kind: "dense", length: 5 },
  ]);
}

/** A 1-D signal: dilated convolution, then dense over two activations. */
export function tinySignal(seed = 3): ModelPackage {
  return tinyModel(seed, [2, 20], [
    {
      kind: "convolution",
      channels: 3,
      kernel: [1, 3],
      dilation: [1, 2],
      pads: [0, 2, 0, 2],
    },
    { kind: "convolution", channels: 2, kernel: [1, 4], stride: [1, 4] },
    { kind: "dense", length: 6, reads: ["a1", "a0"] },
    { kind: "dense", length: 3 },
  ]);
}

/** The smallest: two dense rounds. */
export function tinyDense(seed = 4): ModelPackage {
  return tinyModel(seed, [9], [
    { kind: "dense", length: 7, weightLimit: 7 },
    { kind: "dense", length: 3 },
  ]);
}

/** A quantised reading of the model, uniform over its input range. */
export function randomReading(model: ModelPackage, seed: number): Float64Array {
  const random = seededIntegers(seed);
  return Float64Array.from(
    model.manifest.inputs.flatMap(({ shape, low, high }) =>
      Array.from({ length: product(shape) }, () => random(low, high))
    ),
  );
}

function convolutionShape(
  term: ConvolutionTerm,
  channels: number,
): number[] {
  const extent = (axis: 0 | 1) =>
    Math.floor(
      (term.inputShape[axis + 1] + term.pads[axis] + term.pads[axis + 2] -
        term.dilation[axis] * (term.kernel[axis] - 1) - 1) / term.stride[axis],
    ) + 1;
  return [channels, extent(0), extent(1)];
}

function asImage(shape: number[]): [number, number, number] {
  return shape.length === 3
    ? [shape[0], shape[1], shape[2]]
    : [shape[0], 1, shape[1]];
}

function product(shape: number[]): number {
  return shape.reduce((total, size) => total * size, 1);
}
