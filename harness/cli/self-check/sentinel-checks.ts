// Each suite finds the bugs that it is there for, and nothing in a sound engine.

import { runFaults } from "../../../crashtests/faults/campaign.ts";
import { runOne, runSampled } from "../../../crashtests/power-loss/campaign.ts";
import {
  forgetsCallers,
  ignoresFailedSync,
  publishesBeforeSync,
  resolvesBeforeSync,
  resolvesOutOfOrder,
} from "../../../crashtests/power-loss/cheating-async.ts";
import {
  recoveryNeverSyncs,
  recoversPastHoles,
  syncDoesNothing,
} from "../../../crashtests/power-loss/cheating-engines.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "../../../crashtests/power-loss/sequences.ts";
import { runCrashLog } from "../../crash/crash-log.ts";
import { type EngineMaker, newDisk, recordRun, STORE } from "../../crash/recorded-run.ts";
import { tierTwo } from "../../crash/tier-two.ts";
import { ContentStore } from "../../disk/image.ts";
import { type Finding, SILENT_HOST } from "../../finding.ts";
import { keyBytes } from "../../keys.ts";
import { parseOp } from "../../op-parse.ts";
import type { Op } from "../../op.ts";
import { shrink } from "../../shrink.ts";
import { expandValue, type ValueRef } from "../../values.ts";
import { generate } from "../../workloads/workload.ts";
import {
  buffersWrites,
  compactionBringsBack,
  FAILING,
  inventsValues,
  late,
  LIARS,
  neverCompacts,
  ours,
  readOnlyWrites,
  removesNothing,
  tearsBatches,
  without,
} from "./cheats.ts";
import type { Check } from "./check.ts";

/** Every way to be asked, over values that were overwritten and deleted. */
const ANSWERS = `
1 put a 0.1.40
2 put b 0.2.40
3 put b 0.3.40
4 snapshot s
5 put b 0.5.41
6 put c 0.6.40
7 delete c
8 batch put d 0.9.40 put e 0.10.40
11 get b
12 get c
13 has c
14 getMany a b c
15 scan
16 scan reverse
17 scan gte=a lt=d limit=1
18 scan gte=a lt=d
19 snapshotGet s b
20 snapshotScan s
21 cursorOpen x lower=b upper=e
22 cursorMove x first
23 cursorMove x next
24 cursorMove x prev
25 openReadOnly
26 checkpoint c1
27 verify
28 reopen small
29 scan`;

const [INLINE, MANUAL] = SEQUENCE_CONFIGS as readonly [string, string];

/** A search in which `engine` is found: what it found. */
type Search = (engine: EngineMaker) => Promise<Finding | undefined>;

interface Sentinel {
  readonly law: string;
  readonly engine: EngineMaker;
  readonly search: Search;
  readonly conditions: readonly string[];
}

function opsOf(text: string): readonly Op[] {
  return text.trim().split("\n").map(parseOp);
}

const plain =
  (ops: readonly Op[], config = "small"): Search =>
  async (engine) => {
    const { failure } = await recordRun({ makeEngine: engine, ops, config });
    if (!failure) return undefined;
    const { condition, message } = failure;
    return { condition, message, phase: "running", seed: "", workload: "", config, ops, keys: [] };
  };

const crash =
  (letters: string, config = MANUAL, recovery = 1): Search =>
  async (engine) => {
    const ops = letters === "" ? [] : sequenceOf(letters.split(" "), config);
    return (await runOne({ seed: "1", config, ops, recovery }, SILENT_HOST, engine)).finding;
  };

const sampled: Search = async (engine) => {
  const options = { seed: "1", ops: 40, workload: "housekeeping", images: 40, configs: [MANUAL] } as const;
  return (await runSampled(options, SILENT_HOST, engine)).findings[0];
};

const faults =
  (letters: string): Search =>
  async (engine) => {
    const ops = [...sequenceOf(letters.split(" "), INLINE), { id: 99, kind: "scan" } as const];
    const options = { seed: "1", ops, config: `${INLINE},blockCacheSize=0`, parts: ["calls"], findingsMax: 1 } as const;
    return (await runFaults({ ...options, until: (done) => done >= FAULTS_MOST }, SILENT_HOST, engine)).findings[0];
  };

/** A spread over the calls of a log in which each cheat meets its fault. */
const FAULTS_MOST = 150;

const answers = plain(opsOf(ANSWERS));

const SENTINELS: readonly Sentinel[] = [
  ...Object.entries(LIARS).map(([law, engine]) => sentinel(law, engine, answers, "C2 C3 C4 C7 C8 C11 C15 C17 C24 C28")),
  sentinel(
    "get() shows what is not durable yet",
    publishesBeforeSync,
    plain(opsOf("1 putAsync t k 0.2.40 sync\n3 get k\n4 settle 0 fail")),
    "C19",
  ),
  sentinel(
    "promises resolve out of order",
    resolvesOutOfOrder,
    plain(opsOf("1 putAsync t k 0.2.40 sync\n3 putAsync u k 0.4.40 sync\n5 settle 0 ok")),
    "C25 C28",
  ),
  sentinel(
    "a promise never settles",
    forgetsCallers,
    plain(opsOf("1 putAsync t k 0.2.40 sync\n3 put k 0.4.40 sync")),
    "C28",
  ),
  sentinel("a promise resolves before the sync", resolvesBeforeSync, crash("putAsync settle"), "C3"),
  sentinel(
    "a failed asynchronous sync is ignored",
    ignoresFailedSync,
    async (engine) => {
      const ops = opsOf("1 putAsync t k 0.2.40 sync\n3 settle 0 fail");
      return (await runOne({ seed: "1", config: MANUAL, ops }, SILENT_HOST, engine)).finding;
    },
    "C3 C20",
  ),
  sentinel("a write is acknowledged before its sync", late("log.write"), crash("putSync", MANUAL, 0), "C3 C12"),
  sentinel("sync() does nothing", syncDoesNothing, crash("put sync", MANUAL, 0), "C3"),
  sentinel("recovery never syncs", recoveryNeverSyncs, crash("put reopen put"), "C1 C2 C3 C9 C10 C12"),
  sentinel("recovery goes on behind a hole", recoversPastHoles, crash("put bigBatch", MANUAL, 0), "C2 C5 C6 C22"),
  sentinel("a table is not synced", without("flush.table"), crash("put flush"), "C1 C3 C12"),
  sentinel("CURRENT's new name is not synced", without("create.current-directory"), crash("reopen"), "C1 C3 C12"),
  sentinel("the old log is not synced", without("rotate.old-log"), crash("put big putSync"), "C1 C2 C3"),
  sentinel("the last words of a log are not synced", without("close.log-end"), crash("", MANUAL, 0), "C13 C22"),
  sentinel(
    "a checkpoint's name is not synced",
    without("checkpoint.parent"),
    crash("putSync checkpoint", MANUAL, 0),
    "C3",
  ),
  sentinel("a checkpoint's log is not synced", without("checkpoint.log"), crash("putSync checkpoint", MANUAL, 0), "C3"),
  sentinel("a batch is several writes", tearsBatches, crash("put batch", MANUAL, 0), "C2 C5 C6"),
  sentinel("recovery invents a value", inventsValues, crash("putSync", MANUAL, 0), "C4 C12"),
  sentinel("a write waits outside the kernel", buffersWrites, crash("put put", MANUAL, 0), "C1 C2 C3 C15"),
  sentinel("files are never removed", removesNothing, crash("put reopen", MANUAL, 0), "C15 C17"),
  sentinel("a read-only open writes", readOnlyWrites, crash("putSync", MANUAL, 0), "C1 C11 C15 C17"),
  sentinel("a compaction brings back what was deleted", compactionBringsBack, crash("putSync", MANUAL, 0), "C7"),
  sentinel("compactRange() does nothing", neverCompacts, compactedSpace, "C18"),
  sentinel("tables are not synced, in a longer log", without("flush.table"), sampled, "C1 C2 C3 C12"),
  ...Object.entries(FAILING).map(([law, engine]) =>
    sentinel(law, engine, faults("putSync put flush"), "C1 C2 C3 C4 C8 C9 C15 C19 C20 C21 C22"),
  ),
];

function sentinel(law: string, engine: EngineMaker, search: Search, conditions: string): Sentinel {
  return { law, engine, search, conditions: conditions.split(" ") };
}

// One key overwritten many times, each time in a table of its own, as tier 2 finds it.
function compactedSpace(engine: EngineMaker): Promise<Finding | undefined> {
  const config = "small,level0FileNumCompactionTrigger=100";
  const disk = newDisk(undefined, 1);
  const store = engine(disk).open(STORE, config);
  const ref = (id: number): ValueRef => ({ incarnation: 0, id, length: 3000 });
  for (let id = 1; id <= OVERWRITES; id++) {
    store.put(keyBytes("a"), expandValue("a", ref(id)), true);
    store.flush();
  }
  store.close();
  const contents = new ContentStore();
  const options = { makeEngine: engine, config, contents };
  const entries = [["a", ref(OVERWRITES)]] as const;
  const found = tierTwo(disk.capture(contents), options, { seed: 1, entries });
  if (!found) return Promise.resolve(undefined);
  const { condition, message } = found.failure;
  return Promise.resolve({ condition, message, phase: found.phase, seed: "", workload: "", config, ops: [], keys: [] });
}

/** Together more than what C18 allows for one. */
const OVERWRITES = 8;

const sound = new Map<Search, Promise<Finding | undefined>>();

function checkOf({ law, engine, search, conditions }: Sentinel): Check {
  return {
    group: "sentinel",
    law,
    async run() {
      const known = sound.get(search) ?? search(ours);
      sound.set(search, known);
      const alarm = await known;
      if (alarm) return `a sound engine is blamed: ${alarm.condition} ${alarm.message}`;
      const finding = await search(engine);
      if (!finding) return "it is not found";
      return conditions.includes(finding.condition)
        ? undefined
        : `it is found as ${finding.condition}: ${finding.message}`;
    },
  };
}

async function shrunkProblem(): Promise<string | undefined> {
  const engine = LIARS["a delete deletes nothing"]!;
  const ops: Op[] = [];
  for (const op of generate({ workload: "housekeeping", seed: "1", ops: 200 }))
    if (op.kind !== "crash" && op.kind !== "fault") ops.push(op);
  const found = await plain(ops)(engine);
  if (!found) return "nothing is found that could be made smaller";
  const reproduce = (fewer: readonly Op[], config: string): Promise<Finding | undefined> =>
    plain(fewer, config)(engine);
  const { finding } = await shrink(found, reproduce, { attempts: 1000 });
  if (finding.condition !== found.condition) return `${found.condition} becomes ${finding.condition}`;
  if (!(await reproduce(finding.ops, finding.config))) return "what is left does not fail";
  return finding.ops.length <= SHRUNK_OPS_MOST ? undefined : `${finding.ops.length} operations are left`;
}

/** A put, a delete, a read. */
const SHRUNK_OPS_MOST = 3;

// Without its deletion the log fails in another way, as many do when something is taken away.
async function sameProblem(): Promise<string | undefined> {
  const ops = opsOf("1 put a 0.1.40\n2 delete a\n3 get a");
  const failing = (left: readonly Op[]): Finding => {
    const condition = left.some(({ kind }) => kind === "delete") ? "C2" : "C8";
    return { condition, message: "", phase: "running", seed: "", workload: "", config: "small", ops: left, keys: [] };
  };
  const reproduce = (left: readonly Op[]): Promise<Finding> => Promise.resolve(failing(left));
  const { finding } = await shrink(failing(ops), reproduce, { attempts: 100 });
  return finding.condition === "C2" ? undefined : `C2 becomes ${finding.condition}`;
}

async function recoveriesProblem(): Promise<string | undefined> {
  const ops = sequenceOf(["put"], MANUAL);
  const images: number[] = [];
  for (const recovery of [0, 1, 2])
    images.push((await runOne({ seed: "1", config: MANUAL, ops, recovery }, SILENT_HOST, ours)).images);
  const [none, once, twice] = images as [number, number, number];
  if (once <= none) return `${once} images with crashes in recovery, ${none} without`;
  return twice > once
    ? undefined
    : `${twice} images with crashes in a recovery's recovery, ${once} with one crash less`;
}

async function replayedProblem(): Promise<string | undefined> {
  const found = await crash("putSync", MANUAL, 0)(late("log.write"));
  if (!found) return "nothing is found";
  const header = { seed: "1", workload: "", config: found.config, engine: "", versions: "" };
  const again = await runCrashLog({ header, ops: found.ops }, { makeEngine: late("log.write") });
  if (again.finding?.condition !== found.condition) return "the log of a crash does not show it again";
  const sane = await runCrashLog({ header, ops: found.ops }, { makeEngine: ours });
  return sane.finding && `the log blames a sound engine: ${sane.finding.message}`;
}

export const SENTINEL_CHECKS: readonly Check[] = [
  { group: "shrinker", law: "what is found is made small, and stays what it was", run: shrunkProblem },
  { group: "shrinker", law: "what is made smaller does not become another failure", run: sameProblem },
  {
    group: "enumeration",
    law: "crashes fall into recoveries, and into those of what they leave",
    run: recoveriesProblem,
  },
  { group: "replay", law: "the log of a crash shows it again", run: replayedProblem },
  ...SENTINELS.map(checkOf),
];
