/**
 * Classifiers of ai.onnx.ml: they end in their scores, whose transformation, labels and
 * maps by label are left to the display.
 *
 * @module
 */
import {
  numberAttribute,
  numbersAttribute,
  type OnnxGraph,
  type OnnxNode,
  stringAttribute,
} from "../onnx/graph.ts";

const domain = "ai.onnx.ml";

/** Passed over between a label and an output. */
const views = new Set(["Identity", "Cast"]);

/**
 * The graph with scores for classifiers: transformations as separate operators,
 * outputs that are labels left out where scores are given too.
 */
export function withPlainScores(graph: OnnxGraph): OnnxGraph {
  const classifier = graph.nodes.find(({ operator, outputs }) =>
    operator === "LinearClassifier" && outputs.length > 1
  );
  if (!classifier) return withoutMaps(graph);
  const [label, scores] = classifier.outputs;
  const isLabel = (name: string): boolean => {
    if (name === label) return true;
    const maker = graph.nodes.find(({ outputs }) => outputs[0] === name);
    return maker !== undefined && views.has(maker.operator) &&
      isLabel(maker.inputs[0]);
  };
  const others = graph.outputs.filter(({ name }) => !isLabel(name));
  const nodes = graph.nodes.filter(({ outputs: [name] }) =>
    name === label || !isLabel(name)
  );
  return withoutMaps({
    ...graph,
    metadata: withLabels(graph.metadata, classifier),
    nodes: nodes.flatMap((node) =>
      node === classifier ? plainScores(classifier, scores) : [node]
    ),
    outputs: others.length > 0 ? others : [{ name: scores, shape: null }],
  });
}

/** Maps by label hold the scores; a norm of probabilities that sum to 1 changes nothing. */
function withoutMaps(graph: OnnxGraph): OnnxGraph {
  const softmax = new Set(
    graph.nodes.filter(({ operator }) => operator === "Softmax")
      .flatMap(({ outputs }) => outputs),
  );
  const isView = (node: OnnxNode) =>
    node.domain === domain &&
    (node.operator === "ZipMap" ||
      (node.operator === "Normalizer" && softmax.has(node.inputs[0]) &&
        stringAttribute(node, "norm", "MAX") === "L1"));
  if (!graph.nodes.some(isView)) return graph;
  const nodes = graph.nodes.map((node): OnnxNode =>
    isView(node)
      ? { ...node, domain: "", operator: "Identity", attributes: new Map() }
      : node
  );
  return { ...graph, nodes };
}

/** Scores alone, and what is made of them by a separate operator. */
function plainScores(node: OnnxNode, scores: string): OnnxNode[] {
  const transform = stringAttribute(node, "post_transform", "NONE");
  const attributes = new Map(node.attributes);
  attributes.set("post_transform", { kind: "string", value: "NONE" });
  const plain = { ...node, attributes, outputs: [scores] };
  const operator = { SOFTMAX: "Softmax", LOGISTIC: "Sigmoid" }[transform];
  // What the rule does not know it refuses.
  if (!operator) return [{ ...plain, attributes: node.attributes }];
  const before = `${scores} before ${transform}`;
  const opposed = operator === "Sigmoid" ? halvedIfOpposed(node) : null;
  return [
    { ...plain, outputs: [before], attributes: opposed ?? attributes },
    {
      name: `${node.name} ${transform}`,
      operator: opposed ? "Softmax" : operator,
      domain: "",
      inputs: [before],
      outputs: [scores],
      attributes: new Map(),
    },
  ];
}

/**
 * Of two opposed scores the logistic functions are the softmax of half of them; null where
 * they are not opposed.
 */
function halvedIfOpposed(node: OnnxNode): OnnxNode["attributes"] | null {
  const weights = numbersAttribute(node, "coefficients") ?? [];
  const biases = numbersAttribute(node, "intercepts") ?? [];
  const half = weights.length / 2;
  const isOpposed = biases.length === 2 && biases[0] === -biases[1] &&
    weights.every((w, i) => w === -weights[(i + half) % weights.length]);
  if (!isOpposed) return null;
  const halves = (value: number[]) => ({
    kind: "numbers" as const,
    value: value.map((x) => x / 2),
  });
  return new Map(node.attributes)
    .set("post_transform", { kind: "string", value: "NONE" })
    .set("coefficients", halves(weights))
    .set("intercepts", halves(biases));
}

/** The classifier's labels, where the file's metadata name none. */
function withLabels(
  metadata: OnnxGraph["metadata"],
  { attributes }: OnnxNode,
): OnnxGraph["metadata"] {
  const strings = attributes.get("classlabels_strings");
  const numbers = attributes.get("classlabels_ints");
  const labels = strings?.kind === "strings"
    ? strings.value
    : numbers?.kind === "numbers"
    ? numbers.value.map(String)
    : [];
  if (metadata.has("labels") || labels.length === 0) return metadata;
  return new Map(metadata).set("labels", JSON.stringify(labels));
}

/** Number of classes or targets, and of features. */
export function linearShape(
  node: OnnxNode,
): { rows: number; columns: number } {
  const weights = numbersAttribute(node, "coefficients") ?? [];
  const rows = node.operator === "LinearRegressor"
    ? numberAttribute(node, "targets", 1)
    : numbersAttribute(node, "intercepts")?.length ?? 0;
  return { rows, columns: weights.length / rows };
}
