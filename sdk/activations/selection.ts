/** 1 at the first of the largest values, 0 elsewhere; looks at every value, wherever it is. */
export function selectLargest(values: Float64Array): Float64Array {
  const selector = new Float64Array(values.length);
  let largest = 0;
  for (let i = 1; i < values.length; i++) {
    if (values[i] > values[largest]) largest = i;
  }
  selector[largest] = 1;
  return selector;
}
