/** Something wrong with the files of a store. */
export interface StoreProblem {
  /**
   * C15: a file is missing, damaged, or not what another says of it; C16: an order or a bound does not hold; C17: a file has no
   * reason to be there.
   */
  readonly condition: "C15" | "C16" | "C17";
  /** Its name in the store's directory. */
  readonly file: string;
  readonly problem: string;
}

export function problemText({ file, problem }: StoreProblem): string {
  return `${file}: ${problem}`;
}
