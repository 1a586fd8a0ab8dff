// The targets of a task, one after the other.

import { writeSync } from "node:fs";
import { crc32 } from "tinykv/formats";
import { Campaign, type Problem } from "./campaign.ts";
import type { Coverage } from "./coverage.ts";
import { Executor, type Announce } from "./executor.ts";
import {
  FLIGHT_BYTES,
  FLIGHT_FD,
  FLIGHT_HEADER_BYTES,
  type FuzzMessage,
  type FuzzStart,
  type TargetResult,
} from "./messages.ts";
import { minimiseCorpus } from "./minimise-corpus.ts";
import type { Target } from "./target.ts";
import { TARGETS } from "./targets.ts";

/** The clock is asked once in so many executions: asking costs a part of one. */
const CLOCK_EVERY = 32;

export async function runTask(
  start: FuzzStart,
  coverage: Coverage,
  post: (message: FuzzMessage) => void,
): Promise<void> {
  const extra = start.extraTargets === undefined ? [] : await loadTargets(start.extraTargets);
  for (const name of start.task.targets) {
    const target = [...TARGETS, ...extra].find((one) => one.name === name);
    if (!target) throw new Error(`there is no target ${name}`);
    post({ kind: "begin", target: name });
    post({
      kind: "result",
      result: runTarget(target, start, coverage, (problem) => post({ kind: "problem", target: name, problem })),
    });
  }
  post({ kind: "done" });
}

async function loadTargets(module: string): Promise<readonly Target[]> {
  return ((await import(module)) as { readonly TARGETS: readonly Target[] }).TARGETS;
}

function runTarget(
  target: Target,
  { task, modules }: FuzzStart,
  coverage: Coverage,
  found: (problem: Problem) => void,
): TargetResult {
  const announce = announcer();
  const own = coverage.fresh();
  const corpus = task.corpus[target.name] ?? [];
  const campaign = new Campaign({ target, seed: task.seed, corpus, coverage: own, announce, found });
  const begin = performance.now();
  const until = begin + (task.milliseconds ?? Infinity);
  const most = task.executions ?? Infinity;
  campaign.start(most);
  while (campaign.executions < most && !campaign.isOver) {
    if (campaign.executions % CLOCK_EVERY === 0 && performance.now() >= until) break;
    campaign.step();
  }
  const seconds = (performance.now() - begin) / 1000;
  const branches = own.known();
  const ranges = target.modules.map((module) => modules[module] ?? [0, 0]);
  const taken = branches.filter((branch) => ranges.some(([from, to]) => branch >= from && branch < to)).length;
  const all = ranges.reduce((sum, [from, to]) => sum + to - from, 0);
  const executor = new Executor(target, own, announce);
  return {
    name: target.name,
    executions: campaign.executions,
    seconds,
    branches,
    own: { taken, all },
    digest: campaign.kept.reduce((crc, bytes) => crc32(bytes, 0, bytes.length, crc), 0),
    ...(task.minimised === true && { minimised: minimiseCorpus(executor, own, [...corpus, ...campaign.kept]) }),
  };
}

// The input in flight is left where the watching process finds it, should this one not come back. One system call: an eighth
// of what an execution takes.
function announcer(): Announce {
  const flight = Buffer.alloc(FLIGHT_BYTES);
  let executions = 0;
  return (_, input) => {
    flight.set(input, FLIGHT_HEADER_BYTES);
    flight.writeUInt32LE(++executions, 0);
    flight.writeUInt32LE(input.length, 4);
    writeSync(FLIGHT_FD, flight, 0, FLIGHT_HEADER_BYTES + input.length, 0);
  };
}
