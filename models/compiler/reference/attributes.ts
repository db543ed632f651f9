/**
 * Attributes as the plain evaluator reads them: of the right kind, or an error.
 *
 * @module
 */
import type { Attribute, OnnxNode } from "../onnx/graph.ts";

function attribute<Kind extends Attribute["kind"]>(
  { attributes, operator }: OnnxNode,
  name: string,
  kind: Kind,
): Extract<Attribute, { kind: Kind }> | null {
  const found = attributes.get(name);
  if (!found) return null;
  if (found.kind === kind) return found as Extract<Attribute, { kind: Kind }>;
  throw new RangeError(
    `Cannot evaluate: ${name} of ${operator} is ${found.kind}, not ${kind}`,
  );
}

export function number(node: OnnxNode, name: string, absent: number): number {
  return attribute(node, name, "number")?.value ?? absent;
}

export function listAttribute(node: OnnxNode, name: string): number[] | null {
  return attribute(node, name, "numbers")?.value ?? null;
}

export function text(node: OnnxNode, name: string, absent: string): string {
  return attribute(node, name, "string")?.value ?? absent;
}
