// Differential runs: short logs of a few keys first and foremost.

import { WORKLOADS, type WorkloadName } from "../../workloads/mixes.ts";
import { runDifferentials } from "../campaign-tasks.ts";
import type { CampaignResult, RunTask } from "../tasks.ts";
import { type HuntUnit, TINY, type UnitResult } from "./hunt-unit.ts";

const CONFIGS = [
  `${TINY},level0FileNumCompactionTrigger=2`,
  `${TINY},background=manual,indexBlockSize=64,logBlockSize=512,blockCacheSize=0`,
  "least",
  `${TINY},level0FileNumCompactionTrigger=8,level0SlowdownWrites=9,level0StopWrites=12`,
  `${TINY},level0FileNumCompactionTrigger=1,numLevels=4,maxBytesForLevelMultiplier=2,paranoid=true,bloomBitsPerKey=1`,
  `${TINY},targetFileSize=1,maxBytesForLevelBase=1,numLevels=3,maxOpenFiles=1,walRecycle=false,indexBlockSize=64`,
  "memory,writeBufferSize=2048,targetFileSize=2048,maxWriteBufferNumber=1",
];
/** Level 0 keeps what is put into it for a while. */
const LAYERS_CONFIGS = [
  `${TINY},level0FileNumCompactionTrigger=20,level0SlowdownWrites=30,level0StopWrites=40`,
  CONFIGS[1]!,
  CONFIGS[3]!,
];
/** Levels that the first reopen finds too small. */
const RESHAPED_CONFIGS = [
  `${TINY},maxBytesForLevelBase=1024,maxBytesForLevelMultiplier=2,level0FileNumCompactionTrigger=1`,
];
/** Blocks whose offsets do not fit two bytes. */
const LARGE_BLOCKS = "small,blockSize=1048576,writeBufferSize=524288";

/** Of workloads that want others. */
const OWN_CONFIGS: Partial<Record<WorkloadName, readonly string[]>> = {
  layers: LAYERS_CONFIGS,
  reshaped: RESHAPED_CONFIGS,
};

/** What runs one after the other; where it is undefined, a longer one of any workload. */
const TURNS: readonly (WorkloadName | undefined)[] = [
  "housekeeping",
  "cursors",
  "layers",
  "async",
  "housekeeping",
  undefined,
  "layers",
  "reshaped",
  "cursors",
];
const SHORT_OPS = 120;
/** A cursor has to stand somewhere, and much to be written behind its back, before much can be wrong with where it goes. */
const CURSOR_OPS = 800;
const LONG_OPS = 500;
const LONG_OPS_LEAST = 150;
const LONG_KEYS = 60;

export function* runPieces(seed: string, resultOf: (result: CampaignResult) => UnitResult): Generator<HuntUnit> {
  for (let n = 0; ; n++) {
    const task: RunTask = { kind: "run", seed: `${seed}:run:${n}`, ...logOf(n), hashed: false };
    yield { suite: "run", run: async (host) => resultOf(await runDifferentials(task, host)) };
  }
}

function logOf(n: number): Pick<RunTask, "workload" | "ops" | "keys" | "configs"> {
  const turn = TURNS[n % TURNS.length];
  const configs = (turn && OWN_CONFIGS[turn]) ?? CONFIGS;
  const round = Math.floor(n / TURNS.length);
  // Behind all workloads each meets another configuration, whatever the lists have in common.
  const config = configs[(n + round + Math.floor(round / WORKLOADS.length)) % configs.length]!;
  if (turn === "async") return { workload: turn, ops: SHORT_OPS, keys: 8, configs: [config] };
  if (turn) return { workload: turn, ops: turn === "cursors" ? CURSOR_OPS : SHORT_OPS, configs: [config] };
  const workload: WorkloadName = round === 0 ? "boundary" : WORKLOADS[round % WORKLOADS.length]!;
  const long = workload === "boundary" ? LARGE_BLOCKS : config;
  return { workload, ops: long === "least" ? LONG_OPS_LEAST : LONG_OPS, keys: LONG_KEYS, configs: [long] };
}
