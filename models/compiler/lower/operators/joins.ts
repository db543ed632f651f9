/**
 * Products and quotients of tensors that both depend on the reading: the gateway joins
 * them, since it has both in the clear.
 *
 * @module
 */
import type { GatewayOperation, OfTwo } from "../../ir.ts";
import type { OnnxNode } from "../../onnx/graph.ts";
import { broadcastShapes, sizeOf, type Tensor } from "../../onnx/tensor.ts";
import {
  dynamicInput,
  type DynamicValue,
  gatewayResult,
  isSoleReader,
  type OperatorCall,
} from "../operator_call.ts";
import { UnsupportedNodeError } from "../unsupported.ts";
import { type GatewayValue, writtenAs } from "../values.ts";

/** Operators that join two tensors. */
const joins = new Set(["Mul", "Div", "MatMul"]);

/** Axes that a step of the gateway sees at most. */
const maxAxes = 8;

/** The nodes that join two tensors that depend on the reading, about. */
export function joiningNodes(
  nodes: readonly OnnxNode[],
  constants: ReadonlyMap<string, Tensor>,
): ReadonlySet<OnnxNode> {
  const fixed = new Set(constants.keys());
  for (const { operator, outputs } of nodes) {
    if (operator === "Constant") fixed.add(outputs[0]);
  }
  return new Set(
    nodes.filter(({ operator, inputs }) =>
      joins.has(operator) && inputs.every((name) => !fixed.has(name))
    ),
  );
}

/** A tensor that is joined with another. */
interface Side {
  value: DynamicValue;
  /** Whether nothing else reads it. */
  sole: boolean;
}

function sideOf(call: OperatorCall, index: number): Side {
  return { value: dynamicInput(call, index), sole: isSoleReader(call, index) };
}

/** Whether the gateway can go on from it without a round of its own. */
function isPending({ value, sole }: Side): boolean {
  return value.kind === "gateway" && value.activation === null && sole;
}

/** Of two, the one from which the gateway goes on; the other becomes an activation. */
function sideToContinue({ rounds }: OperatorCall, sides: [Side, Side]): 0 | 1 {
  const isUnwritten = ({ value }: Side) =>
    value.kind === "linear" && writtenAs(rounds, value) === null;
  for (const isDue of [isPending, isUnwritten]) {
    if (isDue(sides[1])) return 1;
    if (isDue(sides[0])) return 0;
  }
  const [left, right] = sides.map(({ value }) => sizeOf(value.shape));
  return right <= left ? 1 : 0;
}

/** The name of the activation that a value is, for a round that goes on from `current`. */
function operandName(
  call: OperatorCall,
  value: DynamicValue,
  current: DynamicValue,
): string {
  if (value.kind === "linear") {
    return call.rounds.nameOfLinear(value, call.node.name);
  }
  // What the same round keeps on its way needs no other.
  const keeps = current.kind === "gateway" && current.activation === null &&
    current.operations.some((step) =>
      step.op === "keep" && step.as === value.activation
    );
  return keeps ? value.activation! : call.rounds.nameOf(value);
}

/** The shape with axes of extent 1 before its own. */
function padded(shape: readonly number[], axes: number): number[] {
  return [...Array(axes - shape.length).fill(1), ...shape];
}

function joined(
  call: OperatorCall,
  [{ value, sole }, { value: other }]: [continued: Side, other: Side],
  shape: number[],
  operation: (of: OfTwo) => GatewayOperation,
): GatewayValue {
  const axes = Math.max(value.shape.length, other.shape.length);
  if (axes > maxAxes) {
    throw new UnsupportedNodeError(
      `it joins tensors of ${axes} axes; ${maxAxes} are known`,
      "join tensors of fewer axes",
    );
  }
  const joining = operation({
    with: operandName(call, other, value),
    shape: padded(value.shape, axes),
    withShape: padded(other.shape, axes),
  });
  return gatewayResult(call, joining, shape, { value, sole });
}

/** x * y of two inputs, stretched to each other. */
export function product(call: OperatorCall): DynamicValue {
  return productOf(call, [sideOf(call, 0), sideOf(call, 1)]);
}

/** x * y, stretched to each other. */
export function productOf(
  call: OperatorCall,
  sides: [Side, Side],
): DynamicValue {
  const shape = broadcastShapes(sides[0].value.shape, sides[1].value.shape);
  const first = sideToContinue(call, sides);
  return joined(
    call,
    [sides[first], sides[1 - first]],
    shape,
    (of) => ({ op: "combine", by: "product", ...of }),
  );
}

/** x / y of two inputs: the gateway goes on from the divisor. */
export function quotient(call: OperatorCall): DynamicValue {
  const [dividend, divisor] = [sideOf(call, 0), sideOf(call, 1)];
  const shape = broadcastShapes(dividend.value.shape, divisor.value.shape);
  return joined(
    call,
    [divisor, dividend],
    shape,
    (of) => ({ op: "combine", by: "quotient", ...of }),
  );
}

/** Matrix products of two inputs: the gateway goes on from the left ones. */
export function matrixProducts(call: OperatorCall): DynamicValue {
  const sides: [Side, Side] = [sideOf(call, 0), sideOf(call, 1)];
  const [left, right] = sides.map(({ value }) => value.shape);
  if (left.length < 2 || right.length < 2 || left.at(-1) !== right.at(-2)) {
    throw new UnsupportedNodeError(
      `tensors of shape [${left}] and [${right}] are no matrices that fit`,
      "correct the model",
    );
  }
  const lead = broadcastShapes(left.slice(0, -2), right.slice(0, -2));
  const shape = [...lead, left.at(-2)!, right.at(-1)!];
  return joined(call, sides, shape, (of) => ({ op: "matmul", ...of }));
}
