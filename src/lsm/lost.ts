import { assert } from "../common/assert.ts";
import { readFully, writeFully } from "../util/file-io.ts";
import { LOST, lostName } from "./file-names.ts";
import type { SkippedBytes } from "./log-recovery.ts";
import { joinPath, unless, type StoreContext } from "./store-context.ts";

/** Copied in pieces of this size: a gap may be as long as its log. */
const COPY_BYTES = 1 << 20;

/**
 * Copies bytes that a salvaging recovery leaves out to lost/FILE-OFFSET, durable when it returns, before anything else
 * changes. A copy that a crashed recovery left behind is written again.
 */
export function saveLost(context: StoreContext, skipped: readonly SkippedBytes[]): void {
  if (skipped.length === 0) return;
  const { env, path, health } = context;
  const directory = joinPath(path, LOST);
  unless("EEXIST", () => env.makeDirectory(directory));
  for (const gap of skipped) copyGap(context, directory, gap);
  health.sync(() => env.syncDirectory(directory, "lost.directory"));
  health.sync(() => env.syncDirectory(path, "lost.parent"));
}

function copyGap({ env, path, health }: StoreContext, directory: string, { file, offset, length }: SkippedBytes): void {
  const target = joinPath(directory, lostName(file, offset));
  unless("ENOENT", () => env.unlink(target));
  const source = env.open(joinPath(path, file), "r");
  try {
    const copy = env.open(target, "wx");
    try {
      const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, Math.max(1, length)));
      for (let done = 0; done < length;) {
        const count = readFully(source, buffer.subarray(0, Math.min(buffer.length, length - done)), offset + done);
        assert(count > 0, "a gap lies inside its file");
        writeFully(copy, buffer.subarray(0, count), done);
        done += count;
      }
      health.sync(() => copy.sync("lost.file"));
    } finally {
      copy.close();
    }
  } finally {
    source.close();
  }
}
