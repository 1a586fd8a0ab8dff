import type { PendingItem } from "../disk/pending-item.ts";
import type { SimulatedDisk } from "../disk/simulated-disk.ts";
import type { CrashOp } from "../op.ts";
import type { OpLog } from "../op-log.ts";
import { choicesOf, placeOf, rolesOf } from "./address.ts";
import { barrierFor } from "./barrier-name.ts";
import type { MissingBarrier } from "./crash-story.ts";
import { diskAtStart } from "./enumeration.ts";
import { judgeAlone } from "./judge-alone.ts";
import type { ImageGraph } from "./image-graph.ts";
import { closingOf, type EngineMaker, recordRun, type RecordedRun, STORE } from "./recorded-run.ts";

/**
 * For a log that ends in one power cut which showed something: the one sync with which no image of that moment would have;
 * undefined if there is none, or the log is another.
 */
export async function missingBarrier(
  { header, ops }: OpLog,
  makeEngine: EngineMaker,
): Promise<MissingBarrier | undefined> {
  const crashes = ops.filter((op): op is CrashOp => op.kind === "crash");
  const [crash] = crashes;
  if (crashes.length !== 1 || crash?.loss !== "power" || !crash.at) return undefined;
  const { config } = header;
  const run = await recordRun({ makeEngine, ops: ops.filter((op) => op !== crash), config });
  const place = placeOf(run.trace, crash.at);
  if (place < 0 || run.failure) return undefined;
  const moment = { run, place, makeEngine };
  // What fails behind another open is not for a sync of this moment to mend.
  if (isSound(moment)) return undefined;
  const disk = diskOf(moment, judgeAlone(run, makeEngine).graph);
  const tried = new Set<string>();
  for (const [i, item] of disk.pending().entries()) {
    const target = targetOf(item);
    if (tried.has(target.path)) continue;
    tried.add(target.path);
    if (!isSound(moment, i)) continue;
    const after = sinceOf(disk, target.path);
    const at = { trace: run.trace.slice(0, place + 1), ops: run.ops, closing: crash.at.op === closingOf(run.ops) };
    const barrier = lostOf(disk, target.path, crash)
      .map((role) => barrierFor(role, at))
      .find((name) => name !== undefined);
    return { ...target, after, ...(place > after && { before: place }), ...(barrier && { barrier }) };
  }
  return undefined;
}

/** Behind event `place` of a run. */
interface Moment {
  readonly run: RecordedRun;
  readonly place: number;
  readonly makeEngine: EngineMaker;
}

// Whether every image of that moment is as it must be, with what the i-th item belongs to synced. Each time by a judge that
// has examined nothing yet.
function isSound(moment: Moment, i?: number): boolean {
  const { run, place, makeEngine } = moment;
  const { graph, judge } = judgeAlone(run, makeEngine);
  const disk = diskOf(moment, graph);
  if (i !== undefined) disk.syncItem(disk.pending()[i]!);
  const demands = run.demands[place + 1]!;
  return graph
    .imagesOf(disk, "barrier")
    .every((image) => judge.judgePower(image, graph.node(image, 0), demands) === undefined);
}

function diskOf({ run, place }: Moment, graph: ImageGraph): SimulatedDisk {
  const disk = diskAtStart(run, graph);
  run.trace.slice(0, place + 1).forEach((event, i) => disk.apply(event, i + 1));
  return disk;
}

type Target = Pick<MissingBarrier, "path" | "isDirectory">;

function targetOf(item: PendingItem): Target {
  if (item.kind !== "name") return { path: item.inode.path, isDirectory: false };
  return { path: item.change.assignments.at(-1)!.directory.path, isDirectory: true };
}

// The last event that left something of it pending.
function sinceOf(disk: SimulatedDisk, path: string): number {
  const times = disk
    .pending()
    .filter((item) => targetOf(item).path === path)
    .flatMap((item) => item.times);
  return Math.max(...times) - 1;
}

// The roles of what is pending of a target; first of what the crash took.
function lostOf(disk: SimulatedDisk, path: string, { survival }: CrashOp): string[] {
  const items = disk.pending();
  const roles = rolesOf(items, STORE);
  const choices = survival.kind === "seed" ? [] : choicesOf(roles, items, survival);
  const own = roles.map((role, i) => ({ role, i })).filter(({ i }) => targetOf(items[i]!).path === path);
  return own.sort((a, b) => (choices[a.i]?.version ?? 0) - (choices[b.i]?.version ?? 0)).map(({ role }) => role);
}
