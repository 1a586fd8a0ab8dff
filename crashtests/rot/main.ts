// Bit rot: every damage to every file of small stores, each way to open them, every read, judged by C22.
//
//   node dist/crashtests/rot/main.js [--seed S] [--sample K] [--shard i/n] [--threads T] [--json]
//   node dist/crashtests/rot/main.js --case killed:for-writing:pointInTime:000018.log:flip-30.1
//
// Without --sample all cases there are. Exit 1 if one is wrong, 2 for bad usage, 3 if the campaign itself broke.

import { availableParallelism } from "node:os";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import type { Shard } from "tinykv/harness";
import { Cases, merged, type CampaignOptions, type CampaignResult } from "./campaign.ts";
import { judge } from "./judgement.ts";
import { outcomeTable } from "./table.ts";
import { nameOf } from "./trial.ts";
import type { RotTask } from "./worker.ts";

/** A thread that is this long at one case hangs; between two cases it is never longer than making the stores takes. */
const STILL_SECONDS_MOST = 20;
/** Beyond these, failures are counted and not printed. */
const FAILURES_SHOWN = 20;

interface Usage {
  readonly options: CampaignOptions;
  readonly threads: number;
  readonly json: boolean;
  readonly only: string | undefined;
}

async function main(): Promise<number> {
  const usage = readUsage();
  if (typeof usage === "string") {
    console.error(`rot: ${usage}`);
    return 2;
  }
  if (usage.only !== undefined) return runOne(usage.only);
  const begun = performance.now();
  const { index, count } = usage.options.shard;
  const shares = Array.from({ length: usage.threads }, (_, thread) => {
    const shard = { index: (index - 1) * usage.threads + thread + 1, count: count * usage.threads };
    return runThread({ ...usage.options, shard });
  });
  const result = merged(await Promise.all(shares));
  report(usage, result, (performance.now() - begun) / 1000);
  return result.failures.length > 0 ? 1 : 0;
}

function readUsage(): Usage | string {
  const text = { type: "string" } as const;
  try {
    const { values } = parseArgs({
      options: { seed: text, sample: text, shard: text, threads: text, case: text, json: { type: "boolean" } },
    });
    const shard = shardOf(values.shard ?? "1/1");
    if (!shard) return "--shard is i/n, i from 1 to n";
    const sample = Number(values.sample ?? "1");
    const threads = Number(values.threads ?? String(Math.min(2, availableParallelism())));
    if (!Number.isSafeInteger(sample) || sample < 1) return "--sample is a whole number from 1 on";
    if (!Number.isSafeInteger(threads) || threads < 1 || threads > 64)
      return "--threads is a whole number from 1 to 64";
    const options = { seed: values.seed ?? "1", shard, ...(values.sample !== undefined && { sample }) };
    return { options, threads, json: values.json ?? false, only: values.case };
  } catch (error) {
    return (error as Error).message;
  }
}

function shardOf(text: string): Shard | undefined {
  const match = /^(\d{1,6})\/(\d{1,6})$/.exec(text);
  const shard = { index: Number(match?.[1]), count: Number(match?.[2]) };
  return match && shard.index >= 1 && shard.index <= shard.count ? shard : undefined;
}

function runOne(name: string): number {
  const trial = new Cases().named(name);
  if (!trial) {
    console.error(`rot: there is no case ${name}`);
    return 2;
  }
  const { outcome, wrong } = judge(trial);
  console.log(`${outcome}${wrong === undefined ? "" : `: ${wrong}`}`);
  return outcome === "wrong" ? 1 : 0;
}

// A thread that hangs is ended, and the case that it hangs in is its result.
async function runThread(options: CampaignOptions): Promise<CampaignResult> {
  const progress = new Int32Array(new SharedArrayBuffer(8));
  const task: RotTask = { options, progress };
  const worker = new Worker(new URL("worker.js", import.meta.url), { workerData: task });
  return new Promise((resolve, reject) => {
    let begun = -1;
    let since = performance.now();
    const watch = setInterval(() => {
      const now = Atomics.load(progress, 1);
      if (now !== begun) since = performance.now();
      begun = now;
      if (performance.now() - since < STILL_SECONDS_MOST * 1000) return;
      void worker.terminate();
      const name = nameOf(new Cases().at(Atomics.load(progress, 0)));
      done(() => resolve({ cases: now, rows: [], failures: [{ name, wrong: `hangs: ${STILL_SECONDS_MOST} s` }] }));
    }, 1000);
    const done = (settle: () => void): void => {
      clearInterval(watch);
      settle();
    };
    worker.once("message", (result: CampaignResult) => done(() => resolve(result)));
    worker.once("error", (error) => done(() => reject(error)));
    worker.once("exit", () => done(() => reject(new Error("a thread ended without a result"))));
  });
}

function report({ options, json }: Usage, { cases, rows, failures }: CampaignResult, seconds: number): void {
  const tell = json ? console.error : console.log;
  tell(outcomeTable(rows));
  for (const { name, wrong } of failures.slice(0, FAILURES_SHOWN)) {
    tell(`wrong: ${name}\n  ${wrong}\n  again: node dist/crashtests/rot/main.js --case ${name}`);
  }
  if (failures.length > FAILURES_SHOWN) tell(`and ${failures.length - FAILURES_SHOWN} more`);
  tell(`${cases} cases, ${failures.length} wrong, ${seconds.toFixed(0)} s`);
  if (!json) return;
  const { seed } = options;
  console.log(JSON.stringify({ command: "rot", seed, ok: failures.length === 0, cases, seconds, rows, failures }));
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error("rot:", error);
  process.exitCode = 3;
}
