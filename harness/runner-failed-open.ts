// C14: an open that failed by I/O may leave new files. It removes nothing, and alters at most CURRENT, which then names a
// new manifest. LOCK belongs to whoever holds it; CURRENT.tmp is no file of the store before it is renamed.

import { posix } from "node:path";
import type { FileContent } from "./disk/image.ts";

type Files = ReadonlyMap<string, FileContent>;

/** What a failed open did to files that were there before; undefined if nothing that it may not. Paths are absolute. */
export function wrongOfFailedOpen(before: Files, after: Files): string | undefined {
  for (const [path, content] of before) {
    const name = posix.basename(path);
    if (name === "LOCK" || name === "CURRENT.tmp") continue;
    const now = after.get(path);
    if (!now) return `${name} was removed`;
    if (now.id === content.id) continue;
    if (name !== "CURRENT") return `${name} was changed`;
    const manifest = Buffer.from(now.bytes).toString("latin1").split(" ")[0]!;
    const target = posix.join(posix.dirname(path), manifest);
    if (before.has(target) || !after.has(target)) return `CURRENT was changed and names ${manifest}`;
  }
  return undefined;
}
