import { readArtifact, type FailureFile } from "../artifact-files.ts";
import { replayCommand } from "../artifacts.ts";
import type { OpLog } from "../op-log.ts";
import { runCampaign, runCampaignTwice } from "./campaign.ts";
import { replayFuzz } from "./fuzz.ts";
import { discard, keepAsIs, reportOf } from "./keep.ts";
import { replayForeign } from "./crash-foreign.ts";
import { replayKill } from "./keep-kill.ts";
import { checkEngine, configsOf, type CommonOptions, type DoubleCheckOptions } from "./options.ts";
import { Progress } from "./progress.ts";
import { modeOf } from "./reproduce.ts";
import { finish, say } from "./report.ts";
import type { LogTask, Mode } from "./tasks.ts";

/** Runs an op log, the one in an artifact directory, or the input that a fuzzer kept, again: bit for bit the same if it is of a simulated disk. */
export async function runReplay(path: string, options: CommonOptions & DoubleCheckOptions): Promise<number> {
  const fuzzed = await replayFuzz(path, options.json);
  if (fuzzed !== undefined) return fuzzed;
  const killed = replayKill(path, options.json) ?? replayForeign(path, options.json);
  if (killed !== undefined) return killed;
  const { log, mode, failure } = readLog(path, options);
  // Older logs name none.
  if (log.header.engine !== "") checkEngine(log.header.engine);
  const { artifacts, json, doubleCheck } = options;
  const begin = performance.now();
  const progress = new Progress("replay");
  const command = replayCommand(path);
  const task: LogTask = { kind: "log", log, mode, command, hashed: doubleCheck };
  const result = await (doubleCheck ? runCampaignTwice : runCampaign)(task, { progress: progress.update });
  progress.end();
  const { ops, counters, found } = result;
  const failures = found.map((one) => reportOf(failure ? path : keepAsIs(artifacts, one), one));
  found.forEach(discard);
  for (const line of found[0]?.crash?.account ?? []) say(line);
  compare(failure, counters["traceHash"], found[0]?.finding.condition);
  const seconds = (performance.now() - begin) / 1000;
  return finish({ command: "replay", seed: log.header.seed, ops, seconds, failures, counters }, json);
}

/** The log at a path, under another configuration if one is asked for, and how it is run. */
export function readLog(
  path: string,
  options: Pick<CommonOptions, "config" | "configs">,
): { log: OpLog; mode: Mode; failure: FailureFile | undefined } {
  const { log, failure } = readArtifact(path);
  const [config = log.header.config] = configsOf(options) ?? [];
  const mode = modeOfCampaign(failure?.campaign) ?? modeOf(log.ops);
  return { log: { ...log, header: { ...log.header, config: config || "default" } }, mode, failure };
}

function modeOfCampaign(campaign: string | undefined): Mode | undefined {
  if (campaign === "faults") return "faults";
  return campaign === "crash" || campaign === "barriers" ? "crash" : undefined;
}

function compare(failure: FailureFile | undefined, hash: unknown, condition: string | undefined): void {
  if (typeof hash === "string") say(`trace ${hash}`);
  if (!failure) return;
  if (condition !== failure.condition) say(`it was ${failure.condition}, now it is ${condition ?? "no failure"}`);
  if (failure.traceHash === undefined || typeof hash !== "string") return;
  say(hash === failure.traceHash ? "the same I/O as then, bit for bit" : `NOT the I/O as then: ${failure.traceHash}`);
}
