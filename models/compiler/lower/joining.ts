/**
 * Whether linear maps join in one round or an activation is written between them. Both
 * are exact; what is cheaper depends on what each reads, writes and multiplies.
 *
 * @module
 */
import { gridSize, type LinearMap } from "../ir.ts";
import type { OnnxNode } from "../onnx/graph.ts";
import { columnsOf, rowsOf } from "./linear_map.ts";
import type { LinearValue } from "./values.ts";

/**
 * Microseconds, of about a 2048-bit key on two cores: an element sent, an element
 * decrypted, a product of the linear map, and a round's own time.
 */
const costs = { sent: 10, decrypted: 15, product: .03, round: 50_000 };

/** Readers beyond this many make no difference. */
const maxReaders = 16;

/**
 * Whether `value`, which so many rounds read, is better written once than computed in
 * each of them.
 */
export function isCheaperWritten(value: LinearValue, readers: number): boolean {
  if (readers < 2) return false;
  const once = sent(value) + products(value.terms.map(({ map }) => map));
  const elements = value.bias.length;
  const written = once + elements * (costs.decrypted + readers * costs.sent) +
    costs.round;
  return written < readers * once;
}

/** Whether outer(value) costs more as one round than as two. */
export function isCheaperApart(outer: LinearMap, value: LinearValue): boolean {
  const maps = value.terms.map(({ map }) => map);
  if (maps.every((map) => map.kind === "selection")) return false;
  const read = outer.kind === "convolution"
    ? weightsByChannel(outer, "input")
    : null;
  const joined = maps.reduce(
    (sum, inner) => sum + joinedProducts(outer, inner, read) * costs.product,
    0,
  );
  const apart = products([...maps, outer]) +
    value.bias.length * (costs.decrypted + costs.sent) + costs.round;
  return apart < joined;
}

function sent({ terms }: LinearValue): number {
  const elements = new Map(
    terms.map(({ reads, map }) => [reads, columnsOf(map)]),
  );
  return costs.sent * [...elements.values()].reduce((a, b) => a + b, 0);
}

function products(maps: readonly LinearMap[]): number {
  return costs.product *
    maps.reduce((sum, map) => sum + productsOf(map), 0);
}

function productsOf(map: LinearMap): number {
  if (map.kind === "selection") return map.index.length;
  const nonzero = map.weights.reduce((n, w) => w === 0 ? n : n + 1, 0);
  return map.kind === "matrix"
    ? nonzero
    : nonzero * map.output[1] * map.output[2];
}

/**
 * Products of outer(inner(x)) as one map, at most.
 *
 * @param read weights of a convolution `outer`, by the channel that they read
 */
function joinedProducts(
  outer: LinearMap,
  inner: LinearMap,
  read: Float64Array | null,
): number {
  if (outer.kind === "selection" && inner.kind === "selection") {
    return outer.index.length;
  }
  const full = rowsOf(outer) * columnsOf(inner);
  if (outer.kind !== "convolution" || inner.kind !== "convolution") {
    if (inner.kind === "selection") return productsOf(outer);
    return outer.kind === "matrix" ? full : Math.min(full, productsOf(inner));
  }
  if (gridSize(outer.input) !== gridSize(inner.output)) return Infinity;
  const from = weightsByChannel(inner, "output");
  const [, height, width] = outer.output;
  const pairs = read!.reduce((sum, count, c) => sum + count * from[c], 0);
  const area = ([0, 1] as const).map((axis) =>
    (outer.kernel[axis] - 1) * outer.dilation[axis] * inner.stride[axis] +
    (inner.kernel[axis] - 1) * inner.dilation[axis] + 1
  );
  const maxTaps = outer.output[0] * inner.input[0] * area[0] * area[1];
  return Math.min(pairs, maxTaps) * height * width;
}

/** Weights that are not zero, by the channel that they read or write. */
function weightsByChannel(
  { input, output, groups, kernel, weights }: Extract<
    LinearMap,
    { kind: "convolution" }
  >,
  by: "input" | "output",
): Float64Array {
  const counts = new Float64Array(by === "input" ? input[0] : output[0]);
  const inPerGroup = input[0] / groups, outPerGroup = output[0] / groups;
  const area = kernel[0] * kernel[1];
  for (let out = 0, at = 0; out < output[0]; out++) {
    const first = Math.floor(out / outPerGroup) * inPerGroup;
    for (let c = 0; c < inPerGroup; c++) {
      for (const end = at + area; at < end; at++) {
        if (weights[at] !== 0) counts[by === "input" ? first + c : out]++;
      }
    }
  }
  return counts;
}

/**
 * For each tensor, how many rounds would compute it if it joined all that follows: the
 * nodes, linear ones passed over, that do not join what they read.
 *
 * @param isLinear whether a node joins the linear map that it reads
 */
export function countReaders(
  nodes: readonly OnnxNode[],
  outputs: readonly string[],
  isLinear: (node: OnnxNode) => boolean,
): (tensor: string) => number {
  const readers = new Map(
    outputs.map((output, i) => [output, new Set([-1 - i])]),
  );
  nodes.toReversed().forEach((node, n) => {
    const behind = isLinear(node)
      ? node.outputs.flatMap((name) => [...readers.get(name) ?? []])
      : [n];
    for (const name of node.inputs) {
      const known = readers.get(name) ?? new Set();
      for (const reader of behind) {
        if (known.size < maxReaders) known.add(reader);
      }
      readers.set(name, known);
    }
  });
  return (tensor) => readers.get(tensor)?.size ?? 0;
}
