/**
 * Least squares by normal equations.
 *
 * @module
 */
import { dot } from "./scoring.ts";

/**
 * For each vector of outputs the unknowns that solve equations . unknowns = outputs
 * best: normal equations by Gauss-Jordan elimination with pivots.
 */
export function leastSquares(
  equations: readonly Float64Array[],
  outputs: readonly Float64Array[],
): Float64Array[] {
  const unknowns = equations[0].length;
  const columns = Array.from(
    { length: unknowns },
    (_, i) => Float64Array.from(equations, (row) => row[i]),
  );
  // [A^T A | A^T Y]
  const system = columns.map((column) =>
    Float64Array.of(
      ...columns.map((other) => dot(column, other)),
      ...outputs.map((values) => dot(column, values)),
    )
  );
  for (let pivot = 0; pivot < unknowns; pivot++) {
    let best = pivot;
    for (let row = pivot; row < unknowns; row++) {
      if (Math.abs(system[row][pivot]) > Math.abs(system[best][pivot])) {
        best = row;
      }
    }
    [system[pivot], system[best]] = [system[best], system[pivot]];
    // An unknown that no equation sees stays 0.
    if (Math.abs(system[pivot][pivot]) < 1e-9) continue;
    for (let row = 0; row < unknowns; row++) {
      if (row === pivot) continue;
      const factor = system[row][pivot] / system[pivot][pivot];
      for (let i = pivot; i < system[row].length; i++) {
        system[row][i] -= factor * system[pivot][i];
      }
    }
  }
  return outputs.map((_, o) =>
    Float64Array.from(
      system,
      (row, i) => Math.abs(row[i]) < 1e-9 ? 0 : row[unknowns + o] / row[i],
    )
  );
}
