import type { Command } from "commander";
import { runKillCampaign } from "../../crashtests/kill/campaign.ts";
import { runDriverKills } from "../../crashtests/kill/driver-campaign.ts";
import type { Done } from "./commands.ts";
import { engineOf, type EngineChoice } from "../engines/find-engines.ts";
import type { StdioEngine } from "../engines/stdio/stdio-engine.ts";
import { simulateKills } from "./keep-kill.ts";
import { driverKillReport, killReport } from "./kill-report.ts";
import {
  checkEngine,
  type CommonOptions,
  count,
  refuseStart,
  share,
  shareOf,
  simulatedConfigsOf,
  UsageError,
  withCommon,
  withEngine,
} from "./options.ts";
import { Progress } from "./progress.ts";
import { finish, type CommandReport } from "./report.ts";
import { quote } from "../command-line.ts";

interface KillCliOptions extends CommonOptions {
  readonly seed: string;
  readonly rounds: number;
  readonly engine: string;
  readonly dir?: string;
  readonly syncRatio?: number;
}

export function addKill(program: Command, done: Done): void {
  withEngine(withCommon(program.command("kill")))
    .description("SIGKILL rounds in a real directory")
    .requiredOption("--seed <seed>", "the seed")
    .option("--rounds <n>", "children killed", count, 100)
    .option("--dir <dir>", "where stores are made")
    .option("--sync-ratio <share>", "of other engines: the part of writes with sync, 0 to 1", share)
    .action(async (options: KillCliOptions) => done(await kill(options)));
}

async function kill(options: KillCliOptions): Promise<number> {
  const choice = checkEngine(options.engine);
  if (choice.kind === "own" && options.syncRatio !== undefined)
    throw new UsageError("--sync-ratio is for other engines");
  if (choice.kind === "own") return finish(await killOwn(options), options.json);
  if (options.config !== undefined || options.configs !== undefined)
    throw new UsageError("--config and --configs are about our own engine");
  return finish(driverKills({ ...options, ...partOf(options) }, choice), options.json);
}

function configWords({ config, configs }: KillCliOptions): string {
  return config === undefined ? `--configs ${configs}` : `--config ${quote(config)}`;
}

/** Rounds build on each other. */
function partOf({ shard, ...options }: KillCliOptions): { seed: string; rounds: number } {
  const [seed, rounds] = shareOf(shard, options.seed, options.rounds);
  return { seed, rounds };
}

async function killOwn(options: KillCliOptions): Promise<CommandReport> {
  const { artifacts, dir } = options;
  const { seed, rounds } = partOf(options);
  const configs = simulatedConfigsOf(options);
  configs?.forEach(refuseStart);
  const begin = performance.now();
  const progress = new Progress("kill");
  const summary = await runKillCampaign({
    seed,
    rounds,
    artifacts,
    now: () => performance.now(),
    progress: progress.update,
    ...(configs && { configs, asked: configWords(options) }),
    ...(dir !== undefined && { dir }),
  });
  const seconds = (performance.now() - begin) / 1000;
  progress.end();
  return killReport(seed, summary, { seconds, failures: await simulateKills(summary.failures) });
}

/** Kills of an engine that is not ours, or of ours by its driver. */
export function driverKills(
  { seed, rounds, artifacts, dir, syncRatio }: DriverKillsOptions,
  choice: Extract<EngineChoice, { kind: "driver" }>,
): CommandReport {
  const begin = performance.now();
  const progress = new Progress("kill");
  const summary = runDriverKills({
    engine: engineOf(choice) as StdioEngine,
    seed,
    rounds,
    artifacts,
    now: () => performance.now(),
    progress: progress.update,
    ...(dir !== undefined && { dir }),
    ...(syncRatio !== undefined && { syncRatio }),
  });
  progress.end();
  return driverKillReport({ seed, engine: choice.name, summary, seconds: (performance.now() - begin) / 1000 });
}

type DriverKillsOptions = Pick<KillCliOptions, "seed" | "rounds" | "artifacts" | "dir" | "syncRatio">;
