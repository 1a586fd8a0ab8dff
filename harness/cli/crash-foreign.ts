// `crash --engine OTHER`: crash images of an engine that is not ours.

import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import {
  crashForeign,
  type ForeignFinding,
  type ForeignResult,
  judgeOpened,
} from "../../crashtests/power-loss/foreign.ts";
import { readArtifact } from "../artifact-files.ts";
import { replayCommand, writeArtifact, writeReport } from "../artifacts.ts";
import { commandLine } from "../command-line.ts";
import { parseConfiguration } from "../configurations.ts";
import { STORE } from "../crash/recorded-run.ts";
import { engineOf, type EngineChoice } from "../engines/find-engines.ts";
import type { StdioEngine } from "../engines/stdio/stdio-engine.ts";
import { isWrite, type Op } from "../op.ts";
import { Oracle } from "../oracle.ts";
import { makeScratch } from "../scratch.ts";
import { recordDriver, straceProblem, type ForeignRun } from "../strace/record-driver.ts";
import { generate } from "../workloads/workload.ts";
import type { WorkloadName } from "../workloads/mixes.ts";
import { checkEngine } from "./options.ts";
import { Progress } from "./progress.ts";
import { type CommandReport, finish, say, type ReportedFailure } from "./report.ts";

export interface ForeignCrashOptions {
  readonly seed: string;
  readonly ops: number;
  readonly images: number;
  readonly workload: WorkloadName;
  readonly engine: string;
  /** Its options are given to the engine as they are. */
  readonly config: string;
  readonly artifacts: string;
}

type Driver = Extract<EngineChoice, { kind: "driver" }>;

/** A part of the writes is synced: what is not may be lost, and must be lost in order. */
const SYNC_RATIO = 0.3;

/** Records the engine, and tries crash images of the trace. Without a word of the engine where strace is missing. */
export async function foreignCrash(options: ForeignCrashOptions, choice: Driver): Promise<CommandReport> {
  const { seed, ops, workload, config, images } = options;
  const begin = performance.now();
  const problem = straceProblem();
  if (problem !== undefined) {
    const counters = { engine: options.engine, images: 0, skipped: problem };
    return { command: "crash", seed, ops: 0, seconds: 0, failures: [], counters };
  }
  const scratch = makeScratch("tinykv-foreign-");
  try {
    const engine = engineOf(choice) as StdioEngine;
    const made = [...generate({ seed, ops, workload, config: parseConfiguration(config), syncRatio: SYNC_RATIO })];
    const { name, command } = choice;
    const run = await recordDriver({ name, command, ops: made, config, scratch: join(scratch, "recorded") });
    const progress = new Progress("crash");
    const result = crashForeign({ run, engine, config, seed, images, scratch, progress: progress.update });
    progress.end();
    const failures = result.findings.map((finding) => keep(options, run, finding));
    const seconds = (performance.now() - begin) / 1000;
    return {
      command: "crash",
      seed,
      ops: run.ops.length,
      seconds,
      failures,
      counters: countersOf(options, run, result),
    };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** The same as a command; its exit code. */
export async function runForeignCrash(options: ForeignCrashOptions, choice: Driver, json: boolean): Promise<number> {
  const report = await foreignCrash(options, choice);
  const { skipped, notCovered } = report.counters;
  if (typeof skipped === "string") say(`skipped: ${skipped}`);
  for (const gap of (notCovered ?? []) as readonly string[]) say(`not covered: ${gap}`);
  return finish(report, json);
}

function countersOf({ engine }: ForeignCrashOptions, run: ForeignRun, result: ForeignResult): Record<string, unknown> {
  const { images, deduplicated, exhausted, failed } = result;
  return { engine, events: run.trace.length, images, deduplicated, exhausted, failed, notCovered: run.notCovered };
}

function keep(options: ForeignCrashOptions, run: ForeignRun, found: ForeignFinding): ReportedFailure {
  const { seed, ops, images, workload, engine, config, artifacts } = options;
  const { condition, loss, lost, event, image, scene } = found;
  const words = ["crash", "--engine", engine, "--seed", seed, "--ops", String(ops), "--images", String(images)];
  const configured = config === "default" ? [] : ["--config", config];
  const command = commandLine([...words, "--workload", workload, ...configured]);
  const losses = lost.length === 0 ? "nothing lost" : `lost: ${lost.join(", ")}`;
  const message = `${loss === "kill" ? "a kill" : "power loss"} behind call ${event + 1}, ${losses}: ${found.message}`;
  const log: readonly Op[] = run.ops;
  const failure = { condition, phase: condition === "C1" ? "open" : "scan", message, keys: [] };
  const finding = { ...failure, seed, workload, config, engine, ops: log };
  const story = { lives: [{ from: 0, to: event + 1, crash: scene }], failure };
  const directory = writeArtifact(artifacts, finding, {
    campaign: "crash-foreign",
    command,
    image,
    trace: run.trace,
    story,
    account: [message],
  });
  const { least, most } = run.windows[event + 1]![loss];
  writeFileSync(join(directory, WINDOW_FILE), `${JSON.stringify({ engine, config, least, most } satisfies Judged)}\n`);
  writeReport(directory);
  return { condition, seed, directory, message, replay: replayCommand(directory) };
}

/** What an image was judged by. */
interface Judged {
  readonly engine: string;
  readonly config: string;
  readonly least: number;
  readonly most: number;
}

const WINDOW_FILE = "window.json";

/** Opens an image that was kept and judges it again; undefined if there is nothing of the kind at `path`. */
export function replayForeign(path: string, json: boolean): number | undefined {
  const file = join(path, WINDOW_FILE);
  if (!existsSync(file)) return undefined;
  const begin = performance.now();
  const { engine, config, least, most } = JSON.parse(readFileSync(file, "utf8")) as Judged;
  const { log } = readArtifact(path);
  const oracle = new Oracle();
  for (const op of log.ops) if (isWrite(op)) oracle.issue(op);
  const scratch = makeScratch("tinykv-foreign-");
  try {
    const directory = join(scratch, "store");
    const kept = join(path, "image", STORE);
    if (existsSync(kept)) cpSync(kept, directory, { recursive: true });
    else mkdirSync(directory);
    const window = { least, most, tail: [] };
    const wrong = judgeOpened(engineOf(checkEngine(engine)) as StdioEngine, { directory, config, oracle, window });
    const { seed } = log.header;
    const report = { command: "replay", seed, ops: log.ops.length, counters: { engine, least, most } };
    const again = wrong && { ...wrong, seed, directory: path, replay: replayCommand(path) };
    const seconds = (performance.now() - begin) / 1000;
    return finish({ ...report, seconds, failures: again ? [again] : [] }, json);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
