/**
 * Pooling behind a Concat of channels moves ahead of it: the gateway then pools each
 * branch before it sends it, and no round does nothing but join them.
 *
 * @module
 */
import { numberAttribute, type OnnxNode } from "../onnx/graph.ts";

const pools = new Set([
  ...["AveragePool", "GlobalAveragePool"],
  ...["MaxPool", "GlobalMaxPool"],
]);

/**
 * The same graph with every such pool ahead of its Concat, where nothing else reads the
 * Concat or its branches.
 */
export function poolBeforeConcat(
  nodes: readonly OnnxNode[],
  consumers: ReadonlyMap<string, number>,
): OnnxNode[] {
  const isSole = (name: string) => consumers.get(name) === 1;
  const makers = new Map(nodes.map((node) => [node.outputs[0], node]));
  const moved = new Map<OnnxNode, OnnxNode[]>();
  for (const pool of nodes) {
    const concat = makers.get(pool.inputs[0]);
    if (!pools.has(pool.operator) || pool.outputs.length > 1) continue;
    if (concat?.operator !== "Concat" || !isSole(pool.inputs[0])) continue;
    const branches = concat.inputs;
    const joinsChannels = numberAttribute(concat, "axis", 1) === 1;
    if (!joinsChannels || !branches.every((x) => makers.has(x) && isSole(x))) {
      continue;
    }
    const pooled = branches.map((x) => `${x} pooled by ${pool.name}`);
    moved.set(concat, []);
    moved.set(pool, [
      ...branches.map((x, i) => ({
        ...pool,
        inputs: [x],
        outputs: [pooled[i]],
      })),
      { ...concat, inputs: pooled, outputs: pool.outputs },
    ]);
  }
  return nodes.flatMap((node) => moved.get(node) ?? [node]);
}
