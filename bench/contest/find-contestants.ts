import { join } from "node:path";
import { PEERS } from "tinykv/harness";
import { UsageError, type BenchOptions } from "../options.ts";
import { ENGINES, OURS, type EngineName } from "../stores/open-store.ts";
import type { Contestant } from "./contestant.ts";
import { DbBench } from "./db-bench.ts";
import { NodeContestant } from "./node-contestant.ts";

/** Who takes part: ours, with --peers whatever is installed, or those of --engines. Throws UsageError for one that is not there. */
export async function findContestants(
  { peers, engines, dbBench, options }: BenchOptions,
  directory: string,
): Promise<Contestant[]> {
  const unknown = engines?.find((name) => !(ENGINES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`no engine ${unknown}; there are ${ENGINES.join(", ")}`);
  const names = (engines ?? [OURS, ...(peers ? PEERS : [])]) as readonly EngineName[];
  const found: Contestant[] = [];
  for (const name of names) {
    const contestant = NodeContestant.find(name, join(directory, name), options);
    if (contestant) found.push(contestant);
    else if (engines) throw new UsageError(`${name} is not installed`);
    else console.error(`bench: ${name} is not installed`);
  }
  const programs = peers ? [...dbBench, "db_bench"] : dbBench;
  for (const [index, program] of programs.entries()) {
    const contestant = await DbBench.find(program, join(directory, `db-bench-${index}`));
    const isNew = contestant && !found.some(({ name }) => name === contestant.name);
    if (isNew) found.push(contestant);
    else if (!contestant && program !== "db_bench")
      throw new UsageError(`${program} is neither LevelDB's nor RocksDB's db_bench`);
  }
  return found;
}
