import { assert } from "../common/assert.ts";
import { errnoOf } from "../common/errors.ts";
import { NO_LINK, readFully, writeFully } from "../util/file-io.ts";
import { LOST, lostName } from "./file-names.ts";
import type { SkippedBytes } from "./log-recovery.ts";
import { joinPath, unless, type StoreContext } from "./store-context.ts";

/** Copied in pieces of this size: a gap may be as long as its log. */
const COPY_BYTES = 1 << 20;

/**
 * Copies bytes that a salvaging recovery leaves out to lost/FILE-OFFSET, durable when it returns, before anything else
 * changes. A copy that a crashed recovery left behind is written again. Of a gap without bytes there is nothing to copy.
 */
export function saveLost(context: StoreContext, skipped: readonly SkippedBytes[]): void {
  const copied = skipped.filter((gap) => gap.length > 0);
  if (copied.length === 0) return;
  keepDurably(context, (directory) => {
    for (const gap of copied) copyGap(context, directory, gap);
  });
  syncStoreDirectory(context);
}

/**
 * Gives whole files a second name in lost/, FILE-0; their first one is for the caller to remove. When it returns these
 * names are durable, and with them, whatever `files` are, those of everything in the store's directory.
 *
 * Gives the names in lost/.
 */
export function keepInLost(context: StoreContext, files: readonly string[]): string[] {
  if (files.length > 0) {
    keepDurably(context, (directory) => {
      for (const file of files) keepFile(context, directory, file);
    });
  }
  syncStoreDirectory(context);
  return files.map((file) => lostName(file, 0));
}

function keepDurably({ env, path, health }: StoreContext, keep: (directory: string) => void): void {
  const directory = joinPath(path, LOST);
  unless("EEXIST", () => env.makeDirectory(directory));
  keep(directory);
  health.sync(() => env.syncDirectory(directory, "lost.directory"));
}

function syncStoreDirectory({ env, path, health }: StoreContext): void {
  health.sync(() => env.syncDirectory(path, "lost.parent"));
}

function keepFile(context: StoreContext, directory: string, file: string): void {
  const { env, path } = context;
  const [source, target] = [joinPath(path, file), joinPath(directory, lostName(file, 0))];
  unless("ENOENT", () => env.unlink(target));
  try {
    env.link(source, target);
  } catch (error) {
    if (!NO_LINK.has(errnoOf(error))) throw error;
    copyGap(context, directory, { file, offset: 0, length: env.stat(source).size });
  }
}

type LostBytes = Pick<SkippedBytes, "file" | "offset" | "length">;

function copyGap({ env, path, health }: StoreContext, directory: string, { file, offset, length }: LostBytes): void {
  const target = joinPath(directory, lostName(file, offset));
  unless("ENOENT", () => env.unlink(target));
  const source = env.open(joinPath(path, file), "r");
  try {
    const copy = env.open(target, "wx");
    try {
      const buffer = Buffer.allocUnsafe(Math.min(COPY_BYTES, length));
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
