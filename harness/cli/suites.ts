// The suites of torture that run in a worker: units one after the other until the time is up or one of them fails. Each unit
// has a seed of its own, SEED:SUITE:INDEX, which every command takes.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { replayCommand } from "../artifacts.ts";
import { isMine, type Shard, WHOLE } from "../finding.ts";
import { parseOpLog } from "../op-log.ts";
import { WORKLOADS, type WorkloadName } from "../workloads/mixes.ts";
import { isOver, runCrash, runDifferentials, runFaultUnits } from "./campaign-tasks.ts";
import { coverageOf, mergeCounters } from "./counters.ts";
import { modeOf, runLog } from "./reproduce.ts";
import type { CampaignResult, CrashMethod, CrashTask, SuiteTask } from "./tasks.ts";
import type { WorkerHost } from "./worker-host.ts";

const CORPUS = fileURLToPath(new URL("../corpus/", import.meta.url)).replace(/\/dist\/harness\//, "/harness/");

/** One differential unit: long enough for compactions on several levels under a small configuration … */
const UNIT_OPS = 10_000;
/** … and as long in time where every write flushes, compacts and rewrites the manifest. */
const UNIT_OPS_LEAST = 400;
const UNIT_KEYS = 2_000;
const RUN_CONFIGS = [
  "small",
  "least",
  "memory",
  "manual",
  "thread",
  "default",
  "recycle-off",
  "buffers-1",
  "log-512",
  "index-64",
  "paranoid",
  "open-files-1",
  "manifest-1",
  "small,start=file-999999",
  "small,start=sequence-32",
  "small,start=sequence-53",
];

/** Short logs of which every crash is tried, long ones of which many are, and a part of all short sequences. */
const EXHAUSTIVE_OPS = 40;
const SAMPLED_OPS = 400;
const SAMPLED_IMAGES = 3_000;
const SEQUENCES_LENGTH = 2;
const SEQUENCES_PARTS = 64;
const CRASH_CONFIGS = ["small", "least", "manual", "recycle-off", "buffers-1", "manifest-1", "log-512", "index-64"];
/** What a crash can tear is made by writes. */
const CRASH_WORKLOADS: readonly WorkloadName[] = [
  "mixed",
  "write-heavy",
  "batch-heavy",
  "delete-heavy",
  "boundary",
  "async",
];

/** Each call of such a log fails in each way that it can: a few thousand runs. */
const FAULTS_OPS = 30;

const TOUR: Omit<CrashTask, "shard"> = { kind: "crash", seed: "tour", method: { kind: "tour" } };

/** One unit; undefined when there are no more. */
export type Unit = (host: WorkerHost, milliseconds: number) => Promise<CampaignResult>;

export async function runSuite(task: SuiteTask, host: WorkerHost): Promise<CampaignResult> {
  const over = isOver(task.milliseconds, host);
  const end = performance.now() + task.milliseconds;
  const results: CampaignResult[] = [];
  for (const unit of unitsOf(task)) {
    // The corpus is short, and is run whole.
    if (over() && results.length > 0 && task.suite !== "corpus") break;
    const result = await unit(host, Math.max(1, end - performance.now()));
    results.push(result);
    if (result.found.length > 0) break;
  }
  const sum = (count: (result: CampaignResult) => number): number =>
    results.reduce((total, result) => total + count(result), 0);
  return {
    units: sum(({ units }) => units),
    ops: sum(({ ops }) => ops),
    counters: mergeCounters(results.map(({ counters }) => counters)),
    found: results.flatMap(({ found }) => found),
    ...coverageOf(results),
  };
}

function* unitsOf(task: SuiteTask): Generator<Unit> {
  if (task.suite === "corpus") {
    yield* corpusUnits(task.shard);
    return;
  }
  // What chance may not come by is looked at first, whatever time there is.
  if (task.suite === "crash" && task.configs === undefined) {
    yield (host) => runCrash({ ...TOUR, shard: task.shard }, host);
  }
  for (let index = 0; ; index++) {
    if (!isMine(task.shard, index)) continue;
    yield task.suite === "run"
      ? runUnit(task, index)
      : task.suite === "crash"
        ? crashUnit(task, index)
        : faultsUnit(task, index);
  }
}

/** Every op log of the corpus. */
export function* corpusUnits(shard: Shard): Generator<Unit> {
  const names = readdirSync(CORPUS)
    .filter((name) => name.endsWith(".ops"))
    .sort()
    .filter((_, n) => isMine(shard, n));
  for (const name of names) {
    const parsed = parseOpLog(readFileSync(`${CORPUS}${name}`, "utf8"));
    const log = { ...parsed, header: { ...parsed.header, workload: name } };
    const command = replayCommand(`harness/corpus/${name}`);
    yield (host) => runLog({ kind: "log", log, mode: modeOf(log.ops), command, hashed: false }, host);
  }
}

// Every workload under every configuration, in an order that the first minute already mixes.
function runUnit(task: SuiteTask, index: number): Unit {
  const configs = task.configs ?? RUN_CONFIGS;
  const config = configs[index % configs.length]!;
  const ops = config === "least" ? UNIT_OPS_LEAST : UNIT_OPS;
  const workload = WORKLOADS[index % WORKLOADS.length]!;
  const seed = `${task.seed}:run:${index}`;
  const unit = { kind: "run", seed, workload, ops, keys: UNIT_KEYS, configs: [config], hashed: false } as const;
  return (host) => runDifferentials(unit, host);
}

function crashUnit(task: SuiteTask, index: number): Unit {
  const configs = task.configs ?? CRASH_CONFIGS;
  const round = Math.floor(index / 3);
  const config = configs[round % configs.length]!;
  const workload = CRASH_WORKLOADS[round % CRASH_WORKLOADS.length]!;
  const seed = `${task.seed}:crash:${index}`;
  const methods: readonly CrashMethod[] = [
    { kind: "sequences", length: SEQUENCES_LENGTH },
    { kind: "sampled", ops: SAMPLED_OPS, workload, images: SAMPLED_IMAGES },
    { kind: "exhaustive", ops: EXHAUSTIVE_OPS, workload },
  ];
  const method = methods[index % methods.length]!;
  const isSequences = method.kind === "sequences";
  const shard = isSequences ? { index: (round % SEQUENCES_PARTS) + 1, count: SEQUENCES_PARTS } : WHOLE;
  const unit: CrashTask = {
    kind: "crash",
    seed,
    method,
    shard,
    // Sequences are about crashes, not about configurations: theirs are their own.
    ...((!isSequences || task.configs) && { configs: [config] }),
  };
  return (host, milliseconds) => runCrash({ ...unit, milliseconds }, host);
}

function faultsUnit(task: SuiteTask, index: number): Unit {
  const { configs } = task;
  const unit = {
    kind: "faults",
    seed: `${task.seed}:faults:${index}`,
    ops: FAULTS_OPS,
    shard: WHOLE,
    ...(configs && { configs: [configs[index % configs.length]!] }),
  } as const;
  return (host, milliseconds) => runFaultUnits({ ...unit, milliseconds }, host);
}
