/** finding.json */
export interface FindingFile {
  readonly campaign: "fuzz";
  readonly target: string;
  readonly condition: "C22";
  readonly problem: string;
  readonly seed: string;
  /** How many executions it took to find. */
  readonly executions: number;
  readonly replay: string;
  readonly stack?: string;
  /** What it was and what became of it, of committed ones. */
  readonly story?: string;
}
