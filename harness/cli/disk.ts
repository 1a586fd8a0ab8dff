import type { Command } from "commander";
import { diskProblem, FILE_SYSTEMS } from "../../crashtests/disk/block-store.ts";
import { runDiskCampaign } from "../../crashtests/disk/campaign.ts";
import type { Done } from "./commands.ts";
import { type CommonOptions, count, refuseStart, simulatedConfigsOf, UsageError, withCommon } from "./options.ts";
import { Progress } from "./progress.ts";
import { finish, say } from "./report.ts";

interface DiskCliOptions extends CommonOptions {
  readonly fs: string;
  readonly seed: string;
  readonly rounds: number;
}

export function addDisk(program: Command, done: Done): void {
  withCommon(program.command("disk"))
    .description("power cuts on a real file system (needs root and loop devices; else it says so and exits 0)")
    .requiredOption("--fs <name>", FILE_SYSTEMS.join(", "))
    .requiredOption("--seed <seed>", "the seed")
    .option("--rounds <n>", "power cuts", count, 30)
    .action(async (options: DiskCliOptions) => done(await disk(options)));
}

async function disk(options: DiskCliOptions): Promise<number> {
  const { fs: name, seed, rounds, artifacts, shard, json } = options;
  const configs = simulatedConfigsOf(options);
  configs?.forEach(refuseStart);
  const fs = FILE_SYSTEMS.find((known) => known === name);
  if (!fs) throw new UsageError(`unknown file system ${name}; there are ${FILE_SYSTEMS.join(", ")}`);
  const problem = diskProblem(fs);
  if (problem !== undefined) {
    say(`skipped: ${problem}`);
    const counters = { fs, rounds: 0, skipped: problem };
    return finish({ command: "disk", seed, ops: 0, seconds: 0, failures: [], counters }, json);
  }
  const begin = performance.now();
  const progress = new Progress("disk");
  const { failures, unforeseen, acked, ...counts } = await runDiskCampaign({
    fs,
    seed,
    rounds,
    artifacts,
    shard,
    ...(configs && { configs }),
    progress: progress.update,
  });
  progress.end();
  const seconds = (performance.now() - begin) / 1000;
  // One that the simulation does not allow is a fault of the simulation, and makes its other verdicts worth less.
  const complaints = unforeseen.map((why) => `an image that the simulated disk does not allow: ${why}`);
  const counters = { fs, acked, ...counts, unforeseen: unforeseen.length };
  return finish({ command: "disk", seed, ops: acked, seconds, failures, complaints, counters }, json);
}
