/** Builds test networks node by node, with reproducible random weights. */
import {
  type AttributeSpec,
  type GraphSpec,
  type NodeSpec,
  type TensorSpec,
  writeOnnx,
} from "./onnx_writer.ts";

/** Uniform numbers in [0, 1): mulberry32. */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Standard normal numbers, by Box and Muller. */
export function normalNumbers(
  count: number,
  random: () => number,
  deviation = 1,
): Float32Array {
  return Float32Array.from(
    { length: count },
    () =>
      deviation * Math.sqrt(-2 * Math.log(1 - random())) *
      Math.cos(2 * Math.PI * random()),
  );
}

export class GraphBuilder {
  readonly random: () => number;
  readonly #nodes: NodeSpec[] = [];
  readonly #constants: Record<string, TensorSpec> = {};
  #count = 0;

  constructor(
    readonly inputShape: number[],
    readonly options: { seed?: number; opset?: number } = {},
  ) {
    this.random = randomNumbers(options.seed ?? 1);
  }

  /** Adds a node and returns its first output's name. */
  node(
    operator: string,
    inputs: string[],
    attributes: Record<string, AttributeSpec> = {},
  ): string {
    const output = `t${this.#count++}`;
    const name = `${operator}_${output}`;
    this.#nodes.push({ operator, inputs, outputs: [output], attributes, name });
    return output;
  }

  /** Adds a node of several outputs and returns their names. */
  nodes(
    operator: string,
    inputs: string[],
    count: number,
    attributes: Record<string, AttributeSpec> = {},
  ): string[] {
    const name = `${operator}_t${this.#count}`;
    const outputs = Array.from({ length: count }, () => `t${this.#count++}`);
    this.#nodes.push({ operator, inputs, outputs, attributes, name });
    return outputs;
  }

  /** A Split into so many parts. */
  split(
    inputs: string[],
    parts: number,
    attributes: Record<string, AttributeSpec> = {},
  ): string[] {
    return this.nodes("Split", inputs, parts, attributes);
  }

  constant(tensor: TensorSpec): string {
    const name = `c${this.#count++}`;
    this.#constants[name] = tensor;
    return name;
  }

  integers(...values: number[]): string {
    return this.constant({
      shape: [values.length],
      data: values,
      type: "int64",
    });
  }

  number(value: number): string {
    return this.constant({ shape: [], data: [value] });
  }

  /** Random weights such that outputs are about as strong as inputs. */
  weights(shape: number[], fanIn = 1): string {
    const size = shape.reduce((a, b) => a * b, 1);
    const data = normalNumbers(size, this.random, 1 / Math.sqrt(fanIn));
    return this.constant({ shape, data });
  }

  /** Random integers of 8 bits. */
  int8(shape: number[], type: "int8" | "uint8" = "int8"): string {
    const size = shape.reduce((a, b) => a * b, 1);
    const lowest = type === "int8" ? -127 : 0;
    const data = Array.from(
      { length: size },
      () => lowest + Math.floor(this.random() * 255),
    );
    return this.constant({ shape, data, type });
  }

  /** One integer of 8 bits. */
  zeroPoint(value: number, type: "int8" | "uint8" = "uint8"): string {
    return this.constant({ shape: [], data: [value], type });
  }

  conv(
    x: string,
    shape: number[],
    attributes: Record<string, AttributeSpec> = {},
    bias = true,
  ): string {
    const fanIn = shape.slice(1).reduce((a, b) => a * b, 1);
    const inputs = [x, this.weights(shape, fanIn)];
    if (bias) inputs.push(this.weights([shape[0]], 16));
    return this.node("Conv", inputs, attributes);
  }

  dense(x: string, inputs: number, outputs: number): string {
    const weights = this.weights([inputs, outputs], inputs);
    return this.node("Gemm", [x, weights, this.weights([outputs], 16)]);
  }

  /** Flatten and a dense layer. */
  head(x: string, inputs: number, outputs = 8): string {
    return this.dense(this.node("Flatten", [x]), inputs, outputs);
  }

  batchNormalization(x: string, channels: number): string {
    const positive = (deviation: number) =>
      this.constant({
        shape: [channels],
        data: normalNumbers(channels, this.random, deviation).map((v) =>
          1 + Math.abs(v)
        ),
      });
    return this.node("BatchNormalization", [
      x,
      positive(.3),
      this.weights([channels], 9),
      this.weights([channels], 9),
      positive(.5),
    ]);
  }

  graph(output: string): GraphSpec {
    return {
      opset: this.options.opset,
      inputs: { x: ["batch", ...this.inputShape] },
      outputs: [output],
      nodes: this.#nodes,
      constants: this.#constants,
    };
  }

  bytes(output: string): Uint8Array {
    return writeOnnx(this.graph(output));
  }

  /** Readings, normally distributed. */
  readings(count: number): Float32Array[] {
    const size = this.inputShape.reduce((a, b) => a * b, 1);
    return Array.from(
      { length: count },
      () => normalNumbers(size, this.random),
    );
  }
}
