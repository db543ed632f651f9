/**
 * From an ONNX graph to rounds: linear operators between two non-linearities fuse
 * into one round, constants fold, and everything that does not fit is reported at
 * once.
 *
 * @module
 */
import { cropUnread } from "./crop.ts";
import { neededNodes } from "./cut.ts";
import type { FloatNetwork, FloatOutput } from "../ir.ts";
import type { OnnxGraph, OnnxNode } from "../onnx/graph.ts";
import { sizeOf } from "../onnx/tensor.ts";
import { foldConstant } from "./constants.ts";
import { assumedShape } from "./assumed.ts";
import {
  type Derivation,
  type DynamicValue,
  type OperatorRule,
  shapeOf,
} from "./operator_call.ts";
import { convTransposeRules } from "./operators/conv_transpose.ts";
import { elementwiseRules, unary } from "./operators/elementwise.ts";
import { linearRules } from "./operators/linear.ts";
import { paddingRules } from "./operators/padding.ts";
import { permutationRules } from "./operators/permutations.ts";
import { poolingRules } from "./operators/pooling.ts";
import { mlRules } from "./operators/ml.ts";
import { comparisonRules } from "./operators/comparisons.ts";
import { joiningNodes } from "./operators/joins.ts";
import { normRules } from "./operators/norms.ts";
import { quantisedRules } from "./operators/quantised.ts";
import { layerRules } from "./operators/gated.ts";
import { reductionRules } from "./operators/reductions.ts";
import { resizeRules } from "./operators/resize.ts";
import { sliceRules } from "./operators/slices.ts";
import { viewRules } from "./operators/views.ts";
import { type Integers, passIntegers } from "./integers.ts";
import { integerNodes } from "./integer_nodes.ts";
import { countReaders, isCheaperWritten } from "./joining.ts";
import { isScalarOperator } from "./scalar_functions.ts";
import { interfaceFaults } from "./model_interface.ts";
import { prepareGraph } from "./prepare.ts";
import { asOffending, inIntegers, refuseUnknown } from "./refuse.ts";
import { checkSignature } from "./signatures.ts";
import { suggestion } from "./suggestions.ts";
import { poolBeforeConcat } from "./pool_before_concat.ts";
import { checkTail, detachTail, tailOperators } from "./score_display.ts";
import {
  type OffendingNode,
  UnsupportedModelError,
  UnsupportedNodeError,
} from "./unsupported.ts";
import { gridOf, RoundBuilder, type Value } from "./values.ts";
import { checkInputs, checkResult, misnamedNodes } from "./well_formed.ts";

/** Rules of operators that move, join or reduce elements. */
const shapeRules: Record<string, OperatorRule> = {
  ...viewRules,
  ...permutationRules,
  ...sliceRules,
  ...paddingRules,
  ...reductionRules,
};

const rules: Record<string, OperatorRule> = {
  ...linearRules,
  ...convTransposeRules,
  ...elementwiseRules,
  ...poolingRules,
  ...shapeRules,
  ...quantisedRules,
  ...mlRules,
  ...layerRules,
  ...comparisonRules,
  ...normRules,
  ...resizeRules,
};

/** Whether a rule lowers the operator where it depends on the reading. */
function hasRule(operator: string): boolean {
  return Object.hasOwn(rules, operator) || isScalarOperator(operator);
}

/** Operators that are linear where they depend on the reading at all. */
const joining = new Set([
  ...Object.keys(linearRules),
  ...Object.keys(convTransposeRules),
  ...Object.keys(shapeRules),
  ...["Add", "Sub", "Sum", "Mean", "Mul", "Div", "Neg"],
  ...["DequantizeLinear", "ConvInteger", "MatMulInteger"],
]);

export interface LowerOptions {
  /** Averages of activations: at the gateway (fewer ciphertexts), or in the cloud as linear maps. */
  pool?: "gateway" | "cloud";
  /** Softmax nodes that are not left to the display. @default none */
  keptTails?: ReadonlySet<string>;
}

/**
 * Lowers a graph.
 *
 * @throws {UnsupportedModelError} with every node that has no place in a round
 * @throws {RangeError} where shapes contradict each other
 */
export function lower(
  given: OnnxGraph,
  { pool = "gateway", keptTails = new Set() }: LowerOptions = {},
): FloatNetwork {
  const graph = prepareGraph(given);
  const faults = interfaceFaults(graph);
  if (faults.length > 0) {
    const outputs = new Set(graph.outputs.map(({ name }) => name));
    const isTail = ({ operator, outputs: [output] }: OnnxNode) =>
      tailOperators.has(operator) && outputs.has(output);
    const refused = graph.nodes.filter((node) => !isTail(node)).map((node) =>
      refuseUnknown(node, hasRule)
    )
      .filter((node) => node !== null);
    throw new UnsupportedModelError([...faults, ...refused]);
  }
  const misnamed = misnamedNodes(graph);
  if (misnamed.length > 0) throw new UnsupportedModelError(misnamed);
  const inputs = graph.inputs as { name: string; shape: number[] }[];
  const [[batch]] = inputs.map(({ shape }) => shape);
  const rounds = new RoundBuilder(
    new Map(graph.inputs.map(({ name, range }) => [
      name,
      { gain: 1, offset: 0, grid: null, range },
    ])),
  );
  const values = new Map<string, Value>();
  for (const [constant, tensor] of graph.constants) {
    values.set(constant, { kind: "constant", tensor });
  }
  for (const { name, shape: [, ...rest] } of inputs) {
    values.set(name, rounds.activation(name, [1, ...rest]));
  }

  const detached = graph.outputs.map(({ name }) =>
    detachTail(graph, name, keptTails)
  );
  const ends = detached.map(({ output }) => output);
  const needed = neededNodes(graph.nodes, ends);
  const nodes = poolBeforeConcat(needed, countConsumers(needed, ends));
  const consumers = countConsumers(nodes, ends);
  const readersOf = directReaders(nodes);
  const joiners = joiningNodes(nodes, graph.constants);
  const readers = countReaders(
    nodes,
    ends,
    (node) =>
      joining.has(node.operator) && !joiners.has(node) ||
      isGate(node, readersOf),
  );
  /** A sum is judged itself, and needs no addend written. */
  const isAddend = (tensor: string) =>
    consumers.get(tensor) === 1 &&
    readersOf.get(tensor)?.[0]?.operator === "Add";
  const joined = new Set([...joiners].flatMap(({ inputs }) => inputs));
  const unread = new Map(consumers);
  const derivations = new Map<string, Derivation>();
  const rawInputs = new Set(inputs.map(({ name }) => name));
  const isRawInput = (tensor: string) =>
    rawInputs.has(tensor) && consumers.get(tensor) === 1;
  const { computing, moving } = integerNodes(graph, nodes);
  const integers = new Map<string, Integers>();
  const offending: OffendingNode[] = [];

  for (const node of nodes) {
    const inputs = node.inputs.map((input) =>
      input === "" ? null : values.get(input) ?? "missing" as const
    );
    const isKnown = !inputs.includes("missing");
    const known = inputs as (Value | null)[];
    // What lies behind an offending node is looked at as far as its shape is known.
    const offend = (fault: OffendingNode) => {
      offending.push(fault);
      const given = known.filter((value) => value !== null);
      const isDynamic = isKnown && fault.instead !== "correct the model" &&
        given.some(({ kind }) => kind !== "constant");
      const shape = isDynamic ? assumedShape(node, given.map(shapeOf)) : null;
      const [name] = node.outputs;
      if (shape) values.set(name, rounds.activation(`?${name}`, shape));
    };
    const refusal = refuseUnknown(node, hasRule) ??
      (computing.has(node) ? inIntegers(node) : null);
    if (refusal) {
      offend(refusal);
      continue;
    }
    if (!isKnown) continue;
    try {
      const lowered = lowerNode(node, known, (rule) =>
        rule({
          node,
          inputs: known,
          rounds,
          pool,
          batch,
          consumers,
          values,
          derivations,
          integers,
          isRawInput,
          joined,
          opset: graph.opset,
        }));
      const results = [lowered].flat();
      if (moving.has(node)) passIntegers(node, integers);
      results.forEach((result, i) => {
        checkResult(result);
        const name = node.outputs[i];
        const isWritten = result.kind === "linear" && !isAddend(name) &&
          isCheaperWritten(result, readers(name));
        values.set(
          name,
          isWritten ? rounds.writeActivation(result, node.name) : result,
        );
      });
      // What nothing reads any more, and no function is made of, is let go.
      for (const input of node.inputs) {
        const left = unread.get(input)! - 1;
        unread.set(input, left);
        const isSource = () =>
          [...derivations.values()].some(({ from }) => from === input);
        if (left === 0 && !isSource()) values.delete(input);
      }
      if (isRawInput(node.inputs[0]) && isUntouchedInput(rounds, results[0])) {
        rawInputs.add(node.outputs[0]);
      }
    } catch (error) {
      offend(asOffending(node, error));
    }
  }
  if (offending.length > 0) throw new UnsupportedModelError(offending);

  const lasts = ends.map((end) => lastValue(values, end));
  const misplaced = detached.flatMap((tail, i) =>
    checkTail(tail, lasts[i].shape, graph.opset)
  );
  // A Softmax that does not take all scores together is the gateway's, not the display's.
  const isGateways = misplaced.length > 0 && keptTails.size === 0 &&
    misplaced.every(({ operator }) => operator === "Softmax");
  if (isGateways) {
    const keptTails = new Set(misplaced.map(({ name }) => name));
    return lower(given, { pool, keptTails });
  }
  if (misplaced.length > 0) throw new UnsupportedModelError(misplaced);
  const outputs = graph.outputs.map(({ name }, i): FloatOutput => {
    const { scale = 1, zero = 0 } = integers.get(ends[i]) ?? {};
    return {
      name,
      tensor: finish(rounds, lasts[i], ends[i]),
      end: ends[i],
      shape: outputShape(lasts[i].shape),
      unit: scale,
      zero,
      tail: detached[i].tail,
    };
  });
  return cropUnread({
    inputs: inputs.map(({ name, shape: [, ...rest] }) => {
      const { gain, offset, grid } = rounds.inputs.get(name)!;
      const shape = gridOf([1, ...rest]) ?? [sizeOf(rest)];
      return { name, shape, gain, offset, grid };
    }),
    rounds: rounds.rounds,
    outputs,
  });
}

function lastValue(
  values: ReadonlyMap<string, Value>,
  output: string,
): DynamicValue {
  const last = values.get(output);
  if (!last) {
    throw new RangeError(`Cannot compile model: no node gives "${output}"`);
  }
  if (last.kind === "constant") {
    throw new RangeError("Cannot compile model: its output is a constant");
  }
  return last;
}

/** The nodes that read a tensor. */
function directReaders(
  nodes: readonly OnnxNode[],
): ReadonlyMap<string, OnnxNode[]> {
  const readers = new Map<string, OnnxNode[]>();
  for (const node of nodes) {
    for (const name of new Set(node.inputs)) {
      readers.set(name, [...readers.get(name) ?? [], node]);
    }
  }
  return readers;
}

/** Whether a node is f of x * f(x): both are one function of x. */
function isGate(
  { operator, inputs: [x], outputs: [gate] }: OnnxNode,
  readersOf: ReadonlyMap<string, OnnxNode[]>,
): boolean {
  const readers = readersOf.get(gate) ?? [];
  return isScalarOperator(operator) && readers.length === 1 &&
    readers[0].operator === "Mul" && readers[0].inputs.includes(x);
}

function countConsumers(
  nodes: OnnxNode[],
  ends: string[],
): Map<string, number> {
  const consumers = new Map<string, number>();
  for (const end of ends) consumers.set(end, (consumers.get(end) ?? 0) + 1);
  for (const { inputs } of nodes) {
    for (const name of inputs) {
      consumers.set(name, (consumers.get(name) ?? 0) + 1);
    }
  }
  return consumers;
}

function lowerNode(
  node: OnnxNode,
  inputs: (Value | null)[],
  run: (rule: OperatorRule) => Value | Value[],
): Value | Value[] {
  checkInputs(node, inputs);
  checkSignature(node, inputs);
  if (inputs.every((value) => value === null || value.kind === "constant")) {
    const tensors = inputs.map((value) =>
      value?.kind === "constant" ? value.tensor : null
    );
    const tensor = foldConstant(node, tensors);
    if (tensor) return { kind: "constant", tensor };
  }
  const rule = rules[node.operator] ??
    (isScalarOperator(node.operator) ? unary : null);
  if (rule) return run(rule);
  throw new UnsupportedNodeError(
    "it works on a tensor that depends on the reading; only constants are known here",
    suggestion(node.operator),
  );
}

function isUntouchedInput({ inputs }: RoundBuilder, value: Value): boolean {
  return value.kind === "linear" && value.terms.length === 1 &&
    inputs.has(value.terms[0].reads) && value.bias.every((b) => b === 0);
}

/** The activation that holds an output, which an extra round writes where none does yet. */
function finish(
  rounds: RoundBuilder,
  last: DynamicValue,
  output: string,
): string {
  try {
    return last.kind === "gateway"
      ? rounds.nameOf(last)
      : rounds.nameOfLinear(last, output);
  } catch (error) {
    const node = { name: output, operator: "output" };
    throw new UnsupportedModelError([asOffending(node, error)]);
  }
}

/** Without the batch axis. */
function outputShape(shape: number[]): number[] {
  return shape.length > 1 && shape[0] === 1 ? shape.slice(1) : shape;
}
