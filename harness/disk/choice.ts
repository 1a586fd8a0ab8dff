/**
 * How one item came out. `torn` (pages alone): bit i set means that sector i is that of `version`, the others are those
 * of the durable content.
 */
export interface Choice {
  readonly version: number;
  readonly torn?: number;
}

/** One for each pending item, in its order. */
export type Choices = readonly Choice[];

/** What stands in a page that is inside the size and was never written. */
export type Fill = "zeros" | "stale";
