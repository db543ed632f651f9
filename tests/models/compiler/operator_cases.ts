/**
 * One small network an operator, as ONNX: the subjects of the differential tests.
 *
 * @module
 */
import { functionCases } from "./operators/function_cases.ts";
import { joinCases } from "./operators/join_cases.ts";
import { linearCases } from "./operators/linear_cases.ts";
import type { OperatorCase } from "./operators/operator_case.ts";
import { poolingCases } from "./operators/pooling_cases.ts";
import { quantisedCases } from "./operators/quantised_cases.ts";
import { recurrentCases } from "./operators/recurrent_cases.ts";
import { shapeCases } from "./operators/shape_cases.ts";

export { buildCase, buildCaseGraph } from "./operators/operator_case.ts";

export const operatorCases: OperatorCase[] = [
  ...linearCases,
  ...poolingCases,
  ...functionCases,
  ...shapeCases,
  ...quantisedCases,
  ...recurrentCases,
  ...joinCases,
];
