/** The middle one, or the mean of the two in the middle. There must be one. */
export function medianOf(values: readonly number[]): number {
  if (values.length === 0) throw new Error("no values have no median");
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
