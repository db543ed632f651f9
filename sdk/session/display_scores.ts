import type { Tail } from "../wire/plan.ts";

/**
 * Scores as the model's author shows them. Floating point, for display only:
 * nothing that must agree between machines depends on it.
 */
export function displayScores(scores: number[], tail: Tail): number[] {
  if (tail === "none") return scores;
  const most = scores.reduce((a, b) => Math.max(a, b));
  const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
  const logarithm = most + Math.log(total);
  return tail === "softmax"
    ? scores.map((score) => Math.exp(score - logarithm))
    : scores.map((score) => score - logarithm);
}
