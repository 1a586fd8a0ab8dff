import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseOpLog } from "../op-log.ts";
import { runOps } from "./differential.ts";
import { finish } from "./report.ts";

export interface ReplayOptions {
  readonly artifacts: string;
  readonly json: boolean;
}

/** Runs an op log again, under the configuration that it names; a directory stands for its ops.txt. */
export function runReplay(path: string, { artifacts, json }: ReplayOptions): number {
  const file = statSync(path).isDirectory() ? join(path, "ops.txt") : path;
  const { header, ops } = parseOpLog(readFileSync(file, "utf8"));
  const begin = performance.now();
  const { seed, workload, config } = header;
  const result = runOps({
    seed,
    workload: workload || "replay",
    ops: ops.length,
    config: config || "default",
    artifacts,
    stream: ops,
    replay: `npx tinykv-harness replay ${path}`,
  });
  const seconds = (performance.now() - begin) / 1000;
  const { executed = 0, skipped = 0 } = result.counts ?? {};
  return finish(
    { command: "replay", seed, ops: executed, seconds, failures: result.failures, counters: { executed, skipped } },
    json,
  );
}
