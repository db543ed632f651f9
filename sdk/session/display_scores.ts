import type { ScoreDisplay } from "../wire/plan.ts";

/**
 * Scores as the model's author shows them. Floating point, for display only:
 * nothing that must agree between machines depends on it.
 */
export function displayScores(scores: number[], tail: ScoreDisplay): number[] {
  if (tail === "none") return scores;
  const max = scores.reduce((a, b) => Math.max(a, b));
  const total = scores.reduce((sum, score) => sum + Math.exp(score - max), 0);
  const logarithm = max + Math.log(total);
  return tail === "softmax"
    ? scores.map((score) => Math.exp(score - logarithm))
    : scores.map((score) => score - logarithm);
}
