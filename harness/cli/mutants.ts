// The `mutants` command: known bugs are planted, and what finds them is told.

import type { Command } from "commander";
import type { Done } from "./commands.ts";
import { huntAll, type Hunted } from "./mutants/campaign.ts";
import { type Mutant, readCatalogue } from "./mutants/catalogue.ts";
import { fallen, scoreOf, secondsOnPage, SLACK_TIMES, writePage } from "./mutants/score.ts";
import { type CommonOptions, count, positive, UsageError, withCommon } from "./options.ts";
import { Progress } from "./progress.ts";
import { finish, say } from "./report.ts";
import { Random } from "../workloads/random.ts";

interface MutantsOptions extends CommonOptions {
  readonly seed: string;
  readonly only?: string[];
  readonly minutes: number;
  readonly sample?: number;
  readonly score: boolean;
}

/** Of the engine's mutants so many must be found, and of the harness's all. */
const FOUND_LEAST = { engine: 0.95, harness: 1 } as const;

export function addMutants(program: Command, done: Done): void {
  withCommon(program.command("mutants"))
    .description("plant known bugs: what finds them, how fast, and how small it gets")
    .option("--seed <seed>", "the seed", "1")
    .option("--only <id...>", "these, not all")
    .option("--sample <n>", "so many of the quick ones, drawn by the seed", count)
    .option("--minutes <m>", "how long at most", positive, 120)
    .option("--score", "write docs/verification-score.md: the rows of those that were hunted", false)
    .action(async (options: MutantsOptions) => done(await runMutants(options)));
}

async function runMutants(options: MutantsOptions): Promise<number> {
  if (options.config !== undefined || options.configs !== undefined)
    throw new UsageError("mutants are looked for under configurations of every kind");
  const secondsBefore = secondsOnPage();
  const mutants = chosen(readCatalogue(), options, secondsBefore);
  const begin = performance.now();
  const progress = new Progress("mutants");
  const hunted = await huntAll(mutants, {
    seed: options.seed,
    secondsBefore,
    deadline: begin + options.minutes * 60_000,
    told(one, reached) {
      say(lineOf(one));
      progress.update(reached, mutants.length);
    },
  });
  progress.end();
  const lost = fallen(hunted, secondsBefore);
  if (options.score) writePage(hunted);
  const report = {
    command: "mutants",
    seed: options.seed,
    ops: hunted.reduce((sum, { runs }) => sum + runs, 0),
    seconds: (performance.now() - begin) / 1000,
    failures: [],
    complaints: [...complaintsOf(hunted), ...(lost.length > 0 ? [`found before, and not now: ${lost.join(" ")}`] : [])],
    counters: {
      mutants: hunted.map(({ mutant: { id }, found, by, runs, seconds, ops }) => ({
        id,
        found,
        by,
        runs,
        seconds,
        ops,
      })),
    },
  };
  return finish(report, options.json);
}

function chosen(
  all: readonly Mutant[],
  { only, sample, seed, shard, minutes }: MutantsOptions,
  secondsBefore: ReadonlyMap<string, number>,
): readonly Mutant[] {
  for (const id of only ?? [])
    if (!all.some((mutant) => mutant.id === id)) throw new UsageError(`there is no mutant ${id}`);
  const wanted = only ? all.filter(({ id }) => only.includes(id)) : all;
  const mutants =
    sample === undefined ? wanted : drawn(quickOnes(wanted, sample, minutes, secondsBefore), sample, seed);
  return mutants.filter((_, n) => n % shard.count === shard.index - 1);
}

// A sample has little time for each: of those that were found before, those that must be found again within it.
function quickOnes(
  mutants: readonly Mutant[],
  sample: number,
  minutes: number,
  secondsBefore: ReadonlyMap<string, number>,
): readonly Mutant[] {
  const share = (minutes * 60) / sample;
  const quick = mutants.filter(({ id }) => (secondsBefore.get(id) ?? Infinity) <= share / SLACK_TIMES);
  return quick.length >= sample ? quick : mutants;
}

function drawn(mutants: readonly Mutant[], sample: number, seed: string): readonly Mutant[] {
  const random = new Random(`mutants ${seed}`);
  const left = [...mutants];
  const taken = new Set<Mutant>();
  while (left.length > 0 && taken.size < sample) taken.add(left.splice(random.int(left.length), 1)[0]!);
  return mutants.filter((mutant) => taken.has(mutant));
}

function complaintsOf(hunted: readonly Hunted[]): string[] {
  return (["engine", "harness"] as const).flatMap((of) => {
    const own = hunted.filter(({ mutant }) => mutant.of === of);
    const { found, all } = scoreOf(own);
    if (found >= all * FOUND_LEAST[of]) return [];
    const missed = own.filter((one) => !one.found).map(({ mutant }) => mutant.id);
    return [`${found} of ${all} of the ${of}'s found, not ${missed.join(" ")}`];
  });
}

function lineOf({ mutant: { id }, found, by, condition, message, runs, seconds, ops }: Hunted): string {
  const what = found ? `${by} ${condition} ${message}` : `NOT FOUND ${message}`;
  const numbers = [
    `${seconds.toFixed(1).padStart(6)} s`,
    `${String(runs).padStart(7)} runs`,
    `${String(ops).padStart(3)} ops`,
  ];
  return [id.padEnd(ID_WIDTH), ...numbers, what.split("\n")[0]!.slice(0, MESSAGE_WIDTH)].join("  ");
}

const ID_WIDTH = 44;
const MESSAGE_WIDTH = 160;
