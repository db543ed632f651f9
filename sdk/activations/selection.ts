/** 1 at the first of the largest values, 0 elsewhere. */
export function selectLargest(values: Float64Array): Float64Array {
  const selector = new Float64Array(values.length);
  selector[values.indexOf(values.reduce((a, b) => Math.max(a, b)))] = 1;
  return selector;
}
