// What was pending when a log crashed, by name.

import { placeOf, rolesOf } from "./crash/address.ts";
import { EMPTY_DIRECTORIES, recordRun, STORE } from "./crash/recorded-run.ts";
import { ContentStore, makeImage } from "./disk/image.ts";
import { SimulatedDisk } from "./disk/simulated-disk.ts";
import { TinyKVEngine } from "./engines/tinykv.ts";
import type { CrashOp, Op } from "./op.ts";

/** The roles of what a crash of these operations could lose; of several crashes, and of one without an address: nothing. */
export async function pendingAtCrash(ops: readonly Op[], config: string): Promise<readonly string[]> {
  const [crash, ...more] = ops.filter((op): op is CrashOp => op.kind === "crash");
  if (!crash?.at || more.length > 0 || crash.loss === "kill") return [];
  const rest = ops.filter((op) => op !== crash);
  const run = await recordRun({ makeEngine: (env) => new TinyKVEngine({ env }), ops: rest, config });
  const last = placeOf(run.trace, crash.at);
  const disk = new SimulatedDisk(makeImage([], EMPTY_DIRECTORIES), new ContentStore());
  const applied = crash.at.when === "before" ? last : last + 1;
  run.trace.slice(0, applied).forEach((event, i) => disk.apply(event, i + 1));
  return rolesOf(disk.pending(), STORE);
}
