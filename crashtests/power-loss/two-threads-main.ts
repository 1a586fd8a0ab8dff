// Power loss while a worker thread works, for as long as there is time (two-threads.ts).
//
//   node dist/crashtests/power-loss/two-threads-main.js [--seed S] [--runs N] [--ops N] [--artifacts DIR]
//
// Prints one object. Exit 1 if something was found: its trace is then under the artifacts, since no seed makes it again.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { runTwoThreads } from "./two-threads.ts";

/** About five minutes of one core: each run has some thousand images. */
const RUNS = 60;
const OPS = 8;

async function main(): Promise<number> {
  const text = { type: "string" } as const;
  const { values } = parseArgs({ options: { seed: text, runs: text, ops: text, artifacts: text } });
  const { seed = "1", artifacts = "artifacts" } = values;
  const [runs, ops] = [Number(values.runs ?? RUNS), Number(values.ops ?? OPS)];
  if (!Number.isSafeInteger(runs) || !Number.isSafeInteger(ops) || runs < 1 || ops < 1) {
    console.error("two-threads: --runs and --ops are whole numbers from 1 on");
    return 2;
  }
  const { finding, ...counters } = await runTwoThreads({ seed, runs, ops });
  let directory: string | undefined;
  if (finding) {
    directory = join(artifacts, `two-threads-${seed}-${counters.runs}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, "trace.txt"), finding.trace);
  }
  const failures = finding ? [{ condition: finding.condition, message: finding.message, seed, directory }] : [];
  console.log(JSON.stringify({ command: "two-threads", seed, ok: !finding, ...counters, failures }));
  return finding ? 1 : 0;
}

process.exitCode = await main();
