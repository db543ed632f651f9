/**
 * An ONNX graph as it stands in the file, names and all.
 *
 * @module
 */
import type { Tensor } from "./tensor.ts";

/** An ONNX graph as it stands in the file, names and all. */
export interface OnnxGraph {
  /** Version of the default operator set. */
  opset: number;
  producer: string;
  /** What the exporter noted, by key. */
  metadata: ReadonlyMap<string, string>;
  nodes: OnnxNode[];
  /** Initialisers by name. */
  constants: Map<string, Tensor>;
  /** Inputs that are not initialisers. */
  inputs: OnnxValue[];
  outputs: OnnxValue[];
}

export interface OnnxNode {
  /** As the file has it, or made up from the operator and its place. */
  name: string;
  operator: string;
  domain: string;
  /** Names of tensors; "" where an optional one is left out. */
  inputs: string[];
  outputs: string[];
  attributes: Map<string, Attribute>;
}

/** Subgraphs (If, Loop, Scan) are not read: they appear as "graph". */
export type Attribute =
  | { kind: "number"; value: number }
  | { kind: "numbers"; value: number[] }
  | { kind: "string"; value: string }
  | { kind: "tensor"; value: Tensor }
  | { kind: "strings"; value: string[] }
  | { kind: "graph" | "other"; value: null };

export interface OnnxValue {
  name: string;
  /** Null where the rank is unknown; -1 for an axis of unknown length. */
  shape: number[] | null;
  /** Whether the file says that its elements are integers. */
  isInteger?: boolean;
  /** Least and greatest number of its type, of integers of 16 bits at most. */
  range?: Tensor["range"];
}

/** A number attribute, or `otherwise` where the node has none. */
export function numberAttribute(
  node: OnnxNode,
  name: string,
  otherwise: number,
): number {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "number" ? attribute.value : otherwise;
}

/** A list attribute, or null where the node has none. */
export function numbersAttribute(
  node: OnnxNode,
  name: string,
): number[] | null {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "numbers" ? attribute.value : null;
}

/** A string attribute, or `otherwise` where the node has none. */
export function stringAttribute(
  node: OnnxNode,
  name: string,
  otherwise: string,
): string {
  const attribute = node.attributes.get(name);
  return attribute?.kind === "string" ? attribute.value : otherwise;
}
