/**
 * Convolution and pooling by their definitions, over any number of axes.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import { axisOf, eachPlace, size, tensor } from "./tensors.ts";
import type { Tensor } from "../onnx/tensor.ts";
import { listAttribute, number, text } from "./attributes.ts";

interface Window {
  kernel: number[];
  strides: number[];
  dilations: number[];
  before: number[];
  after: number[];
  outputs: number[];
}

function windowOf(node: OnnxNode, space: number[], kernel: number[]): Window {
  const ones = kernel.map(() => 1);
  const strides = listAttribute(node, "strides") ?? ones;
  const dilations = listAttribute(node, "dilations") ?? ones;
  const pads = listAttribute(node, "pads") ?? [...ones, ...ones].map(() => 0);
  const automatic = text(node, "auto_pad", "NOTSET");
  const up = number(node, "ceil_mode", 0) === 1;
  const round = up ? Math.ceil : Math.floor;
  const window: Window = {
    ...{ kernel, strides, dilations },
    ...{ before: [], after: [], outputs: [] },
  };
  space.forEach((length, axis) => {
    const reach = (kernel[axis] - 1) * dilations[axis] + 1;
    let before = pads[axis], after = pads[axis + kernel.length];
    let outputs = round((length + before + after - reach) / strides[axis]) + 1;
    if (automatic.startsWith("SAME")) {
      outputs = Math.ceil(length / strides[axis]);
      const all = Math.max(0, (outputs - 1) * strides[axis] + reach - length);
      before = automatic === "SAME_LOWER" ? Math.ceil(all / 2) : all >> 1;
      after = all - before;
    } else if (automatic === "VALID") {
      before = after = 0;
      outputs = Math.floor((length - reach) / strides[axis]) + 1;
    } else if (up && (outputs - 1) * strides[axis] >= length + before) {
      outputs--;
    }
    window.before.push(before);
    window.after.push(after);
    window.outputs.push(outputs);
  });
  return window;
}

/** For each place of the kernel and of the output, the offset in space; -1 outside. */
function* cells(window: Window, space: number[], at: number[]) {
  const { kernel, strides, dilations, before, after } = window;
  const found: { k: number; offset: number; counted: boolean }[] = [];
  eachPlace(kernel, (place, k) => {
    let offset = 0, inside = true, counted = true;
    for (let axis = 0; axis < space.length; axis++) {
      const x = at[axis] * strides[axis] + place[axis] * dilations[axis] -
        before[axis];
      if (x < 0 || x >= space[axis]) inside = false;
      if (x >= space[axis] + after[axis]) counted = false;
      offset = offset * space[axis] + x;
    }
    found.push({ k, offset: inside ? offset : -1, counted });
  });
  yield* found;
}

export function convolution(node: OnnxNode, inputs: (Tensor | null)[]): Tensor {
  const [x, w] = inputs as Tensor[], bias = inputs[2] ?? null;
  const [batch, channels, ...space] = x.shape;
  const [filters, perGroup, ...kernel] = w.shape;
  const groups = number(node, "group", 1);
  if (perGroup * groups !== channels || kernel.length !== space.length) {
    throw new RangeError(
      `Cannot evaluate: weights [${w.shape}] do not fit [${x.shape}]`,
    );
  }
  const window = windowOf(node, space, kernel);
  const area = size(space), places = size(window.outputs);
  const taps = size(kernel), shape = [batch, filters, ...window.outputs];
  const data = new Float64Array(size(shape));
  // What a place of the output sees, channel after channel; zero outside.
  const patch = new Float64Array(channels * taps), row = perGroup * taps;
  eachPlace(window.outputs, (at, place) => {
    const offsets = Array.from(
      cells(window, space, at),
      ({ offset }) => offset,
    );
    for (let b = 0; b < batch; b++) {
      for (let c = 0; c < channels; c++) {
        const from = (b * channels + c) * area;
        for (let k = 0; k < taps; k++) {
          patch[c * taps + k] = offsets[k] < 0 ? 0 : x.data[from + offsets[k]];
        }
      }
      for (let f = 0; f < filters; f++) {
        const first = Math.floor(f / (filters / groups)) * row;
        let sum = bias ? bias.data[f] : 0;
        for (let i = 0; i < row; i++) {
          sum += patch[first + i] * w.data[f * row + i];
        }
        data[(b * filters + f) * places + place] = sum;
      }
    }
  });
  return tensor(shape, data);
}

/** Each input element times the kernel, added up where it falls in the output. */
export function transposedConvolution(
  node: OnnxNode,
  inputs: (Tensor | null)[],
): Tensor {
  const [x, w] = inputs as Tensor[], bias = inputs[2] ?? null;
  const [batch, channels, ...space] = x.shape;
  const [, perGroup, ...kernel] = w.shape;
  const groups = number(node, "group", 1), filters = perGroup * groups;
  const ones = kernel.map(() => 1), nothing = kernel.map(() => 0);
  const strides = listAttribute(node, "strides") ?? ones;
  const dilations = listAttribute(node, "dilations") ?? ones;
  const extra = listAttribute(node, "output_padding") ?? nothing;
  const pads = [...listAttribute(node, "pads") ?? [...nothing, ...nothing]];
  const automatic = text(node, "auto_pad", "NOTSET");
  const given = listAttribute(node, "output_shape")?.slice(-kernel.length);
  const lengths = space.map((length, a) => {
    const full = strides[a] * (length - 1) + extra[a] +
      (kernel[a] - 1) * dilations[a] + 1;
    const same = automatic.startsWith("SAME") ? length * strides[a] : null;
    const fixed = given?.[a] ?? same;
    if (fixed === null) return full - pads[a] - pads[a + kernel.length];
    const total = full - fixed;
    pads[a] = automatic === "SAME_UPPER" ? total >> 1 : total - (total >> 1);
    return fixed;
  });
  const area = size(space), places = size(lengths), taps = size(kernel);
  const data = new Float64Array(batch * filters * places);
  if (bias) {
    data.forEach((_, i) =>
      data[i] = bias.data[Math.floor(i / places) % filters]
    );
  }
  eachPlace(space, (at, from) => {
    eachPlace(kernel, (tap, k) => {
      let to = 0;
      for (let a = 0; a < kernel.length; a++) {
        const place = at[a] * strides[a] + tap[a] * dilations[a] - pads[a];
        if (place < 0 || place >= lengths[a]) return;
        to = to * lengths[a] + place;
      }
      for (let b = 0; b < batch; b++) {
        for (let c = 0; c < channels; c++) {
          const group = Math.floor(c / (channels / groups));
          const value = x.data[(b * channels + c) * area + from];
          for (let f = 0; f < perGroup; f++) {
            const filter = b * filters + group * perGroup + f;
            data[filter * places + to] += value *
              w.data[(c * perGroup + f) * taps + k];
          }
        }
      }
    });
  });
  return tensor([batch, filters, ...lengths], data);
}

export function pool(node: OnnxNode, x: Tensor, kind: "max" | "mean"): Tensor {
  const [batch, channels, ...space] = x.shape;
  const whole = node.operator.startsWith("Global");
  const kernel = whole ? space : listAttribute(node, "kernel_shape")!;
  const window = windowOf(node, space, kernel);
  const padding = number(node, "count_include_pad", 0) === 1;
  const area = size(space), places = size(window.outputs);
  const data = new Float64Array(batch * channels * places);
  eachPlace(window.outputs, (at, place) => {
    const all = [...cells(window, space, at)];
    const seen = all.filter((cell) => cell.offset >= 0);
    const count = padding
      ? all.filter((cell) => cell.counted).length
      : seen.length;
    for (let map = 0; map < batch * channels; map++) {
      const values = seen.map(({ offset }) => x.data[map * area + offset]);
      data[map * places + place] = kind === "max"
        ? values.reduce((a, b) => Math.max(a, b), -Infinity)
        : values.reduce((a, b) => a + b, 0) / count;
    }
  });
  return tensor([batch, channels, ...window.outputs], data);
}

interface Joining {
  start: number;
  join: (joined: number, value: number) => number;
  end?: (joined: number, cells: number) => number;
}

const add = (a: number, b: number) => a + b;
const addSquare = (a: number, b: number) => a + b * b;

/** How each reduction joins its elements. */
const joinings: Readonly<Record<string, Joining>> = {
  ReduceSum: { start: 0, join: add },
  ReduceMean: { start: 0, join: add, end: (sum, cells) => sum / cells },
  ReduceProd: { start: 1, join: (a, b) => a * b },
  ReduceMax: { start: -Infinity, join: (a, b) => a > b ? a : b },
  ReduceMin: { start: Infinity, join: (a, b) => a < b ? a : b },
  ReduceSumSquare: { start: 0, join: addSquare },
  ReduceL1: { start: 0, join: (a, b) => a + Math.abs(b) },
  ReduceL2: { start: 0, join: addSquare, end: (sum) => Math.sqrt(sum) },
};

/** Sum, mean or product over axes. */
export function reduction(
  node: OnnxNode,
  x: Tensor,
  given: number[] | null,
): Tensor {
  const rank = x.shape.length;
  const noop = number(node, "noop_with_empty_axes", 0) === 1;
  const axes = new Set(
    (given?.length ? given : noop ? [] : x.shape.map((_, axis) => axis))
      .map((axis) => axisOf(axis, rank)),
  );
  const kept = x.shape.map((length, axis) => axes.has(axis) ? 1 : length);
  const { start, join, end } = joinings[node.operator];
  const data = new Float64Array(size(kept)).fill(start);
  eachPlace(x.shape, (place, i) => {
    let at = 0;
    for (let axis = 0; axis < rank; axis++) {
      at = at * kept[axis] + (axes.has(axis) ? 0 : place[axis]);
    }
    data[at] = join(data[at], x.data[i]);
  });
  const cells = x.data.length / data.length;
  if (end) {
    for (let i = 0; i < data.length; i++) {
      data[i] = end(data[i], cells);
    }
  }
  const shape = number(node, "keepdims", 1) === 1
    ? kept
    : x.shape.filter((_, axis) => !axes.has(axis));
  return tensor(shape, data, x.type);
}
