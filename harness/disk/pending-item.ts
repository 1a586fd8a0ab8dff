import type { NameChange } from "./directory-node.ts";
import type { Inode } from "./inode.ts";

/** Something that a crash may lose. Version 0 is what is durable; of a name change 1 is that it happened. */
export type PendingItem =
  | { readonly kind: "page"; readonly inode: Inode; readonly page: number; readonly times: readonly number[] }
  | { readonly kind: "size"; readonly inode: Inode; readonly times: readonly number[] }
  | { readonly kind: "name"; readonly change: NameChange; readonly times: readonly number[] };
