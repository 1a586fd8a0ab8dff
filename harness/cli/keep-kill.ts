// What becomes of a kill that found something: the simulated disk is asked to show the same, which it then does at every
// attempt, so that it can be made smaller.

import { rmSync } from "node:fs";
import { keptDriverLives, replayDriverLives } from "../../crashtests/kill/driver-lives.ts";
import type { KillFailure } from "../../crashtests/kill/keep-failure.ts";
import { hasLives, replayLives } from "../../crashtests/kill/lives.ts";
import { readArtifact } from "../artifact-files.ts";
import { logOf, replayCommand } from "../artifacts.ts";
import { engineOf } from "../engines/find-engines.ts";
import type { StdioEngine } from "../engines/stdio/stdio-engine.ts";
import type { Finding } from "../finding.ts";
import { makeScratch } from "../scratch.ts";
import { runCampaign } from "./campaign.ts";
import { discard, shrinkKept } from "./keep.ts";
import { checkEngine } from "./options.ts";
import { finish, say, type ReportedFailure } from "./report.ts";
import type { LogTask } from "./tasks.ts";
import { WorkerError } from "./watchdog.ts";

/** Looks for each on the simulated disk, and shrinks what is found there. */
export async function simulateKills(failures: readonly KillFailure[]): Promise<ReportedFailure[]> {
  const reported: ReportedFailure[] = [];
  for (const { condition, seed, directory, replay, message, finding } of failures) {
    if (finding) await trySimulated(directory, finding);
    reported.push({ condition, seed, directory, replay, message });
  }
  return reported;
}

// That it breaks off changes nothing of what was found.
async function trySimulated(directory: string, finding: Finding): Promise<void> {
  try {
    await simulate(directory, finding);
  } catch (error) {
    if (!(error instanceof WorkerError)) throw error;
    say(`the simulated disk could not try ${directory}: ${error.message}`);
  }
}

// First where the real kills fell: between two operations; then at every call of the last one.
async function simulate(directory: string, finding: Finding): Promise<void> {
  for (const search of [false, true]) {
    const command = replayCommand(directory);
    const task: LogTask = { kind: "log", log: logOf(finding), mode: "crash", search, command, hashed: false };
    const { found } = await runCampaign(task);
    const [first] = found;
    found.forEach(discard);
    if (!first || first.finding.condition === "C28") continue;
    say(`the simulated disk shows ${first.finding.condition} too`);
    await shrinkKept(directory, first);
    return;
  }
  say("the simulated disk does not show it: it may take two threads, or a kernel");
}

/** Judges what a kill suite kept again; undefined if there is nothing of the kind at `path`. */
export function replayKill(path: string, json: boolean): number | undefined {
  const driven = keptDriverLives(path);
  if (!driven && !hasLives(path)) return undefined;
  const begin = performance.now();
  const { log } = readArtifact(path);
  const { seed } = log.header;
  const scratch = makeScratch("tinykv-replay-");
  try {
    const failure = driven
      ? replayDriverLives(driven, { artifact: path, scratch, engine: driverNamed(driven.engine) })
      : replayLives(path, scratch);
    const report = { command: "replay", seed, ops: log.ops.length, seconds: (performance.now() - begin) / 1000 };
    if (!failure) return finish({ ...report, failures: [], counters: {} }, json);
    const { condition, message } = failure;
    const again: ReportedFailure = { condition, seed, directory: path, replay: replayCommand(path), message };
    return finish({ ...report, failures: [again], counters: {} }, json);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function driverNamed(name: string): StdioEngine {
  return engineOf(checkEngine(name)) as StdioEngine;
}
