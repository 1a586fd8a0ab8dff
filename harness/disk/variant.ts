import type { Fill } from "./choice.ts";
import type { FileContent } from "./image.ts";

/** One of the contents that a crash may leave of a file. */
export interface Variant {
  readonly content: FileContent;
  /** Pages torn in it. */
  readonly torn: number;
  /** By page: the version, and the sectors of it if torn. */
  readonly pages: readonly { readonly version: number; readonly torn?: number }[];
  readonly size: number;
  /** What pages that were never written must show for it, in all files of an image; "either": none of them shows. */
  readonly fill: Fill | "either";
}
