/**
 * What is said of nodes that no round can hold.
 *
 * @module
 */
import type { OnnxNode } from "../onnx/graph.ts";
import { mlRules } from "./operators/ml.ts";
import { tailOperators } from "./score_display.ts";
import { suggestion } from "./suggestions.ts";
import { type OffendingNode, UnsupportedNodeError } from "./unsupported.ts";

/** What is said of an operator without any rule, whatever its inputs; null where it has one. */
export function refuseUnknown(
  node: OnnxNode,
  hasRule: (operator: string) => boolean,
): OffendingNode | null {
  const { name, operator, domain } = node;
  const standard = Object.hasOwn(mlRules, operator)
    ? domain === "ai.onnx.ml"
    : ["", "ai.onnx"].includes(domain) ||
      domainsOf[operator]?.includes(domain);
  const known = hasRule(operator) || foldable.has(operator);
  if (standard && known) return null;
  return {
    name,
    operator: standard ? operator : `${domain}.${operator}`,
    why: Object.hasOwn(reasons, operator)
      ? reasons[operator]
      : standard
      ? tailOperators.has(operator)
        ? "it is known only as the last operator of the model"
        : "the operator is not known"
      : "operators of this domain are not known",
    instead: suggestion(operator),
  };
}

/** Why operators that users may expect cannot be compiled. */
const reasons: Readonly<Record<string, string>> = {
  TreeEnsemble: "trees compare features, which ciphertexts do not allow",
  TreeEnsembleClassifier:
    "trees compare features, which ciphertexts do not allow",
  TreeEnsembleRegressor:
    "trees compare features, which ciphertexts do not allow",
  Normalizer: "it divides by a norm that depends on the reading",
  SVMClassifier: "it counts votes of comparisons that depend on the reading",
};

/** Other domains in which operators of that name are the same. */
const domainsOf: Readonly<Record<string, readonly string[]>> = {
  Quant: ["qonnx.custom_op.general", "finn.custom_op.general"],
  BipolarQuant: ["qonnx.custom_op.general", "finn.custom_op.general"],
  RequantShift: ["PACTOps"],
};

/** A node that computes in integers on what depends on the reading. */
export function inIntegers({ name, operator }: OnnxNode): OffendingNode {
  return {
    name,
    operator,
    why: "it computes in integers, which wrap and truncate",
    instead: "cast the reading to float first",
  };
}

/** Operators that only fold on constants. */
const foldable = new Set([
  "Constant",
  "ConstantOfShape",
  "Expand",
  "Range",
  "ReduceProd",
  "Equal",
  "And",
  "Or",
  "Mod",
]);

/** What a rule said of a node that it does not take. */
export function asOffending(
  node: Pick<OnnxNode, "name" | "operator">,
  error: unknown,
): OffendingNode {
  const { name, operator } = node;
  if (error instanceof UnsupportedNodeError) {
    return { name, operator, why: error.why, instead: error.instead };
  }
  if (error instanceof RangeError) {
    return { name, operator, why: error.message, instead: "correct the model" };
  }
  throw error;
}
