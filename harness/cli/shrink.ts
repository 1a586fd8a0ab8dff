import { logOf, replayCommand } from "../artifacts.ts";
import { printOpLog } from "../op-log.ts";
import { runCampaign } from "./campaign.ts";
import { discard, keep, keepAll, shrinkKept } from "./keep.ts";
import type { CommonOptions } from "./options.ts";
import { readLog } from "./replay.ts";
import { Exit, finish, printResult, say } from "./report.ts";
import { commandLine } from "../command-line.ts";
import { type Found, type LogTask } from "./tasks.ts";

export interface ShrinkCliOptions extends CommonOptions {
  readonly minutes: number;
}

/** Makes a failing log smaller, in its own artifact directory if it has one, else in a new one. Exit 1: it fails. */
export async function runShrinkCommand(path: string, options: ShrinkCliOptions): Promise<number> {
  const { log, mode, failure } = readLog(path, options);
  const begin = performance.now();
  const command = commandLine(["shrink", path]);
  const task: LogTask = { kind: "log", log, mode, command, hashed: false };
  const { found, ops, counters } = await runCampaign(task);
  const [first] = found;
  const seconds = (): number => (performance.now() - begin) / 1000;
  const report = { command: "shrink", seed: log.header.seed, ops };
  if (!first || first.finding.condition === "C28") {
    const failures = await keepAll(options.artifacts, found);
    if (!first) say("nothing fails: there is nothing to make smaller");
    return finish({ ...report, seconds: seconds(), failures, counters }, options.json);
  }
  const one: Found = { ...first, campaign: failure?.campaign ?? "shrink" };
  const directory = failure ? path : keep(options.artifacts, one);
  discard(one);
  const shrunk = await shrinkKept(directory, one, { milliseconds: options.minutes * 60_000 });
  if (!shrunk) return Exit.broken;
  const { finding, attempts, file } = shrunk;
  if (!options.json) printResult(printOpLog(logOf(finding)).trimEnd());
  say(`kept in ${file}`);
  const { condition, message, seed } = finding;
  const failures = [{ condition, seed, message, directory, replay: replayCommand(file) }];
  const sizes = { before: first.finding.ops.length, after: finding.ops.length, attempts };
  return finish({ ...report, seconds: seconds(), failures, counters: sizes }, options.json);
}
