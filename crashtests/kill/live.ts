// One life, from its start to its violent end: the child, and the reader beside it.

import type { RoundPlan } from "./plan.ts";
import { Reader, type ReaderEnd } from "./reader.ts";
import { spawnChild, type ChildEnd } from "./spawn-child.ts";

export interface Lived extends ChildEnd {
  /** Absent where there was none. */
  readonly reader?: ReaderEnd;
}

/** Runs what a plan starts; resolves when all of it has ended. `signal` kills the child. */
export async function live({ child, hasReader }: RoundPlan, signal?: AbortSignal): Promise<Lived> {
  const reader = hasReader ? new Reader(child.directory, child.config) : undefined;
  const end = await spawnChild(child, { heard: (records) => reader?.hears(records), ...(signal && { signal }) });
  return { ...end, ...(reader && { reader: await reader.end() }) };
}
