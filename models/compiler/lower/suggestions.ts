/**
 * What to do instead of an operator that no round can express.
 *
 * @module
 */
/** What to do instead of an operator that no round can express. */
const suggestions: Record<string, string> = {
  LogSoftmax: "end the model at the scores; LogSoftmax keeps their order",
  ArgMax: "end the model with it, or take the arg-max of the scores",
  If: "export with the branch fixed (torch.jit.trace)",
  Loop: "unroll it before export",
  Scan: "unroll it before export",
  TreeEnsembleClassifier: "train a small network (dense layers) instead",
  TreeEnsembleRegressor: "train a small network (dense layers) instead",
  Normalizer: "end the model at the scores",
  SVMClassifier: "train a linear classifier, or a small network",
  TopK: "end the model at the scores and sort them afterwards",
};

export function suggestion(operator: string): string {
  return Object.hasOwn(suggestions, operator)
    ? suggestions[operator]
    : "express it by the operators listed in models/README.md, or leave it to the application";
}
