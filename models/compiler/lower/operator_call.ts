/**
 * What the rules of single operators share while a graph is lowered.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import type { GatewayOperation, LinearMap } from "../ir.ts";
import { floats, type Tensor } from "../onnx/tensor.ts";
import type { Integers } from "./integers.ts";
import type { ScalarFunction } from "./scalar_functions.ts";
import { UnsupportedNodeError } from "./unsupported.ts";
import {
  type GatewayValue,
  type LinearValue,
  type RoundBuilder,
  type Value,
} from "./values.ts";

/** Values that depend on the reading. */
export type DynamicValue = LinearValue | GatewayValue;

/** Lowers one node to the value of its first output, or those of all (Split). */
export type OperatorRule = (call: OperatorCall) => Value | Value[];

/** An elementwise function of another tensor: how fused functions are found. */
export interface Derivation {
  from: string;
  apply: ScalarFunction;
}

export interface OperatorCall {
  node: OnnxNode;
  /** Version of the operators that the model was exported with. */
  opset: number;
  inputs: (Value | null)[];
  rounds: RoundBuilder;
  /** Where averages of activations are taken. */
  pool: "gateway" | "cloud";
  /** Batch length that the model was exported with; -1: any. */
  batch: number;
  /** How many nodes (or outputs of the graph) read a tensor. */
  consumers: ReadonlyMap<string, number>;
  values: ReadonlyMap<string, Value>;
  /** Tensors that are elementwise functions of one other tensor. */
  derivations: Map<string, Derivation>;
  /** What tensors of integers mean, where they do not stand for themselves. */
  integers: Map<string, Integers>;
  /** Whether a tensor is the reading itself and nothing else reads it. */
  isRawInput: (name: string) => boolean;
  /** Tensors that nodes join with others that depend on the reading. */
  joined: ReadonlySet<string>;
}

/** Input `index`, which depends on the reading. */
export function dynamicInput(call: OperatorCall, index: number): DynamicValue {
  const value = call.inputs[index];
  if (value && value.kind !== "constant") return value;
  throw new UnsupportedNodeError(
    `input ${index} is a constant where the model's data are expected`,
    "fold the constant part of the model before export",
  );
}

/** Input `index` as a constant, null where it is left out. */
export function constantInput(
  call: OperatorCall,
  index: number,
): Tensor | null {
  const value = call.inputs[index] ?? null;
  if (value === null || value.kind === "constant") return value?.tensor ?? null;
  throw new UnsupportedNodeError(
    `input ${index} (${
      call.node.inputs[index]
    }) depends on the reading; only a constant is known there`,
    "make it a constant of the model",
  );
}

/** All inputs as constants; null for those that depend on the reading. */
export function constants(call: OperatorCall): (Tensor | null)[] {
  return call.inputs.map((value) =>
    value?.kind === "constant" ? value.tensor : null
  );
}

/** The same elements under another shape. */
export function reshaped(value: Value, shape: number[]): Value {
  if (value.kind === "constant") {
    return { ...value, tensor: { ...value.tensor, shape } };
  }
  return { ...value, shape };
}

export function shapeOf(value: Value): number[] {
  return value.kind === "constant" ? value.tensor.shape : value.shape;
}

export function constantValue(tensor: Tensor | number): Value {
  return {
    kind: "constant",
    tensor: typeof tensor === "number" ? floats(tensor) : tensor,
  };
}

/** Applies the weights of a layer, which gives its name to the round. */
export function layerResult(
  call: OperatorCall,
  value: DynamicValue,
  map: LinearMap,
  shape: number[],
): LinearValue {
  const result = linearResult(call, value, [map], shape);
  return { ...result, node: call.node.name };
}

/** Applies a linear map; see RoundBuilder.applyLinear. */
export function linearResult(
  call: OperatorCall,
  value: DynamicValue,
  maps: LinearMap[],
  shape: number[],
): LinearValue {
  return call.rounds.applyLinear(value, maps, shape, call.node.name);
}

/** Whether only this node reads input `index`. */
export function isSoleReader(call: OperatorCall, index: number): boolean {
  return call.consumers.get(call.node.inputs[index]) === 1;
}

/**
 * Adds an operation of the gateway to a value. One that other nodes read too becomes
 * an activation first, and this operation a separate round; where the gateway joins
 * it with others later, it is kept on the way of the same round.
 *
 * @param options.value what the operation is applied to; default: the first input
 * @param options.sole whether only this node reads it; default: as for the first input
 */
export function gatewayResult(
  call: OperatorCall,
  operation: GatewayOperation,
  shape: number[],
  { value = dynamicInput(call, 0), sole = isSoleReader(call, 0) }: {
    value?: DynamicValue;
    sole?: boolean;
  } = {},
): GatewayValue {
  const node = call.node.name;
  if (value.kind === "gateway" && sole && value.activation === null) {
    const operations = [...value.operations, operation];
    return { ...value, shape, operations, node };
  }
  const index = call.inputs.indexOf(value);
  const isJoined = call.joined.has(call.node.inputs[index]);
  if (value.kind === "gateway" && value.activation === null && isJoined) {
    const kept = call.rounds.keep(value);
    const operations = [...kept.operations, operation];
    return { ...kept, shape, operations, node };
  }
  return {
    kind: "gateway",
    shape,
    source: call.rounds.toLinear(value),
    operations: [operation],
    activation: null,
    node,
  };
}
