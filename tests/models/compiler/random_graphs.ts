/** Small random networks of mixed operators. */
import { GraphBuilder } from "../../reference/graph_builder.ts";

type Image = [channels: number, height: number, width: number];

/** A network of up to six random blocks on images, and a dense head; with `joins`, gates and norms among them. */
export function randomGraph(seed: number, joins = false) {
  const builder = new GraphBuilder([3, 9, 8], { seed, opset: 14 });
  const walk = new Walk(builder, joins);
  const blocks = 1 + walk.below(6);
  for (let i = 0; i < blocks; i++) walk.add();
  const onnx = builder.bytes(walk.finish());
  return { onnx, builder, shape: builder.inputShape };
}

class Walk {
  #tensor = "x";
  #shape: Image = [3, 9, 8];

  constructor(readonly g: GraphBuilder, readonly joins: boolean) {}

  below(limit: number): number {
    return Math.floor(this.g.random() * limit);
  }

  add(): void {
    const blocks = [
      () => this.#convolution(),
      () => this.#convolution(),
      () => this.#activation(),
      () => this.#activation(),
      () => this.#pool(),
      () => this.#batchNormalization(),
      () => this.#residual(),
      () => this.#branches(),
      () => this.#slice(),
      () => this.#arithmetic(),
      ...this.joins ? [() => this.#gate(), () => this.#norm()] : [],
    ];
    blocks[this.below(blocks.length)]();
  }

  finish(): string {
    const size = this.#shape.reduce((a, b) => a * b, 1);
    return this.g.head(this.#tensor, size, 4);
  }

  /** Channels by a gate of their means. */
  #gate(): void {
    const [channels] = this.#shape;
    const means = this.g.node("GlobalAveragePool", [this.#tensor]);
    const shape = [channels, channels, 1, 1];
    const gate = this.g.node("Sigmoid", [this.g.conv(means, shape)]);
    this.#tensor = this.g.node("Mul", [this.#tensor, gate]);
  }

  #norm(): void {
    const [channels] = this.#shape;
    const norms = [
      () =>
        this.g.node("InstanceNormalization", [
          this.#tensor,
          this.g.weights([channels]),
          this.g.weights([channels]),
        ]),
      () => this.g.node("LpNormalization", [this.#tensor], { axis: 1 }),
      () => this.g.node("LRN", [this.#tensor], { size: 3 }),
    ];
    this.#tensor = norms[this.below(norms.length)]();
  }

  #convolution(): void {
    const [channels, height, width] = this.#shape;
    const groups = channels % 2 === 0 && this.below(3) === 0 ? 2 : 1;
    const outputs = 2 * (1 + this.below(3));
    const kernel = [1 + this.below(3), 1 + this.below(3)];
    const dilations = [1 + this.below(2), 1 + this.below(2)];
    const strides = [1 + this.below(2), 1 + this.below(2)];
    const pads = [0, 0, 0, 0].map(() => this.below(3));
    const extent = (length: number, axis: number) =>
      Math.floor(
        (length + pads[axis] + pads[axis + 2] -
          dilations[axis] * (kernel[axis] - 1) - 1) / strides[axis],
      ) + 1;
    const [rows, columns] = [extent(height, 0), extent(width, 1)];
    if (rows < 1 || columns < 1) return;
    const shape = [outputs, channels / groups, ...kernel];
    const attributes = { group: groups, dilations, strides, pads };
    this.#tensor = this.g.conv(this.#tensor, shape, attributes);
    this.#shape = [outputs, rows, columns];
  }

  #activation(): void {
    const operators = [
      "Relu",
      "Relu",
      "LeakyRelu",
      "Sigmoid",
      "Tanh",
      "HardSwish",
      "Elu",
    ];
    const operator = operators[this.below(operators.length)];
    this.#tensor = this.g.node(operator, [this.#tensor]);
  }

  #pool(): void {
    const [channels, height, width] = this.#shape;
    if (height < 3 || width < 3) return;
    const size = 2 + this.below(2), stride = 1 + this.below(2);
    const pad = this.below(2);
    const extent = (length: number) =>
      Math.ceil((length + 2 * pad - size) / stride) + 1;
    // Where the last window would lie in the padding, onnxruntime contradicts itself.
    const drops = [height, width].some((length) =>
      (extent(length) - 1) * stride >= length + pad
    );
    const ceil = drops ? 0 : this.below(2);
    const average = this.below(2) === 0;
    const attributes: Record<string, number | number[]> = {
      kernel_shape: [size, size],
      strides: [stride, stride],
      pads: [pad, pad, pad, pad],
      ceil_mode: ceil,
    };
    if (average) attributes.count_include_pad = pad > 0 ? 0 : this.below(2);
    const operator = average ? "AveragePool" : "MaxPool";
    this.#tensor = this.g.node(operator, [this.#tensor], attributes);
    const outputs = (length: number) =>
      ceil
        ? extent(length)
        : Math.floor((length + 2 * pad - size) / stride) + 1;
    this.#shape = [channels, outputs(height), outputs(width)];
  }

  #batchNormalization(): void {
    this.#tensor = this.g.batchNormalization(this.#tensor, this.#shape[0]);
  }

  #residual(): void {
    const [channels] = this.#shape;
    const relu = this.g.node("Relu", [this.#tensor]);
    const pads = { pads: [1, 1, 1, 1] };
    const branch = this.g.conv(relu, [channels, channels, 3, 3], pads);
    this.#tensor = this.g.node("Add", [branch, this.#tensor]);
  }

  #branches(): void {
    const [channels, height, width] = this.#shape;
    const left = this.g.conv(this.#tensor, [2, channels, 1, 1]);
    const pads = { pads: [1, 1, 1, 1] };
    const right = this.g.conv(this.#tensor, [3, channels, 3, 3], pads);
    const activated = this.g.node("Relu", [right]);
    this.#tensor = this.g.node("Concat", [left, activated], { axis: 1 });
    this.#shape = [5, height, width];
  }

  #slice(): void {
    const [channels, height, width] = this.#shape;
    if (height < 4 || width < 4) return;
    this.#tensor = this.g.node("Slice", [
      this.#tensor,
      this.g.integers(1, 0),
      this.g.integers(height, width - 1),
      this.g.integers(2, 3),
      this.g.integers(1, 2),
    ]);
    this.#shape = [channels, height - 1, Math.ceil((width - 1) / 2)];
  }

  #arithmetic(): void {
    const [channels, height, width] = this.#shape;
    const shapes = [[], [channels, 1, 1], [channels, height, width]];
    const constant = this.g.weights(shapes[this.below(3)]);
    const operator = ["Add", "Sub", "Mul"][this.below(3)];
    this.#tensor = this.g.node(operator, [this.#tensor, constant]);
  }
}
