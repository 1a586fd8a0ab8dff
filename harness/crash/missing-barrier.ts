import { posix } from "node:path";
import type { PendingItem } from "../disk/pending-item.ts";
import type { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { CrashOp } from "../op.ts";
import type { OpLog } from "../op-log.ts";
import { eventName, placeOf } from "./address.ts";
import { diskAtStart } from "./enumeration.ts";
import { judgeAlone } from "./judge-alone.ts";
import { type EngineMaker, recordRun, type RecordedRun } from "./recorded-run.ts";

/**
 * For a log that ends in one power cut which showed something: the one sync with which no image of that moment would have,
 * in words; undefined if there is none, or the log is another.
 */
export async function missingBarrier({ header, ops }: OpLog, makeEngine: EngineMaker): Promise<string | undefined> {
  const crashes = ops.filter((op): op is CrashOp => op.kind === "crash");
  const [crash] = crashes;
  if (crashes.length !== 1 || crash?.loss !== "power" || !crash.at) return undefined;
  const { config } = header;
  const run = await recordRun({ makeEngine, ops: ops.filter((op) => op !== crash), config });
  const place = placeOf(run.trace, crash.at);
  if (place < 0 || run.failure) return undefined;
  const { graph, judge } = judgeAlone(run, makeEngine);
  const disk = diskAtStart(run, graph);
  run.trace.slice(0, place + 1).forEach((event, i) => disk.apply(event, i + 1));
  const tried = new Set<string>();
  for (const [i, item] of disk.pending().entries()) {
    const target = targetOf(item);
    if (tried.has(target)) continue;
    tried.add(target);
    const synced = disk.clone();
    synced.syncItem(synced.pending()[i]!);
    const demands = run.demands[place + 1]!;
    const isSound = graph
      .imagesOf(synced, "barrier")
      .every((image) => judge.judge(graph.node(image, 0), demands, "power") === undefined);
    if (isSound) return inWords(target, run, { since: sinceOf(disk, target), place });
  }
  return undefined;
}

function targetOf(item: PendingItem): string {
  if (item.kind !== "name") return item.inode.path;
  const { directory } = item.change.assignments.at(-1)!;
  return `the directory ${directory.path}`;
}

// The last event that left something of it pending.
function sinceOf(disk: SimulatedDisk, target: string): number {
  const times = disk
    .pending()
    .filter((item) => targetOf(item) === target)
    .flatMap((item) => item.times);
  return Math.max(...times) - 1;
}

function inWords(target: string, { trace }: RecordedRun, { since, place }: { since: number; place: number }): string {
  const from = `I/O ${since} (${eventName(trace[since]!)})`;
  const to = place > since ? ` and I/O ${place} (${eventName(trace[place]!)})` : "";
  const name = target.startsWith("the directory") ? target : posix.basename(target);
  return `with an fsync of ${name} ${to === "" ? "behind" : "between"} ${from}${to} no image of this moment fails`;
}
