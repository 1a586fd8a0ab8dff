// What is kept of a power cut that was a failure: what the cut left, what was heard of the child, its calls, and its
// operations as a log that ends with a loss of power, so that the simulated disk can try the same.

import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { type CrashOp, type Failure, type Finding, type Op, Oracle, writeArtifact, writeReport } from "tinykv/harness";
import { Hearing } from "../kill/hearing.ts";
import type { ChildPlan } from "../kill/plan.ts";
import type { Record } from "../kill/records.ts";

const ROUND_FILE = "round.json";
/** Calls that had begun stand in it too: it is no trace of a simulated disk. */
const CALLS_FILE = "calls.txt";
const STORE_DIRECTORY = "store";

interface KeptRound {
  readonly plan: ChildPlan;
  readonly records: readonly Record[];
}

/** What the child was to do and what was heard of it (round.json), and its calls (calls.txt). */
export function keepRound(plan: ChildPlan, records: readonly Record[], keep: string): void {
  mkdirSync(keep, { recursive: true });
  writeFileSync(join(keep, ROUND_FILE), `${JSON.stringify({ plan, records })}\n`);
  if (existsSync(plan.traceFile!)) copyFileSync(plan.traceFile!, join(keep, CALLS_FILE));
}

/** The files that the cut left, by path below `directory` (store/). */
export function keepFiles(files: ReadonlyMap<string, Uint8Array>, directory: string, keep: string): void {
  for (const [path, bytes] of files) {
    const target = join(keep, STORE_DIRECTORY, relative(directory, path));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, bytes);
  }
}

/** Makes of what those two kept an artifact like those of other campaigns; gives its directory. `command` does that round again. */
export function keepAsArtifact(
  kept: string,
  { condition, message, keys }: Failure,
  { artifacts, command }: { readonly artifacts: string; readonly command: string },
): string {
  const { plan, records } = JSON.parse(readFileSync(join(kept, ROUND_FILE), "utf8")) as KeptRound;
  const { seed, workload, config } = plan;
  const finding: Finding = {
    condition,
    message,
    keys,
    seed,
    workload,
    config,
    phase: "scan",
    ops: operationsOf(plan, records),
  };
  const store = join(kept, STORE_DIRECTORY);
  const directory = writeArtifact(artifacts, finding, { campaign: "disk", command, store });
  for (const name of [ROUND_FILE, CALLS_FILE]) {
    const file = join(kept, name);
    if (existsSync(file)) copyFileSync(file, join(directory, name));
  }
  rmSync(kept, { recursive: true });
  writeReport(directory);
  return directory;
}

function operationsOf(plan: ChildPlan, records: readonly Record[]): Op[] {
  const { log } = Hearing.of(new Oracle(), plan, records, { moments: [], loss: "power" });
  const cut: CrashOp = { kind: "crash", id: log.at(-1)?.id ?? 0, loss: "power", survival: { kind: "none" } };
  return [...log, cut];
}
