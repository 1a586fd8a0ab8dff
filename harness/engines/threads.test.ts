// C8, C26 in thread mode: whatever the worker thread does when, the engine answers as the model does.

import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { NodeEnv } from "tinykv/env";
import { expect, test } from "vitest";
import { parseConfiguration } from "../configurations.ts";
import { HeldSyncs } from "../disk/held-syncs.ts";
import { fastDirectory } from "../fast-directory.ts";
import { Runner } from "../runner.ts";
import { runInTurns, type Turns } from "../turns.ts";
import { generate } from "../workloads/workload.ts";
import { TinyKVEngine } from "./tinykv.ts";

/** Threads start from built files. */
class ThreadEnv extends NodeEnv {
  override readonly worker = new URL("../../dist/src/lsm/thread/worker-main.js", import.meta.url);
}

const OPS = 2_500;

test.each(["mixed", "delete-heavy", "async"] as const)(
  "a run of %s with a worker thread is one of the model",
  async (workload) => {
    const scratch = mkdtempSync(join(fastDirectory(), "tinykv-threads-"));
    const config = "thread,paranoid=true,writeBufferSize=4096";
    const syncs = new HeldSyncs(new ThreadEnv());
    let flushes = 0;
    const listeners = { flushEnd: () => flushes++ };
    const engine = new TinyKVEngine({ env: syncs, options: { listeners } });
    try {
      const runner = new Runner({ engine, directory: join(scratch, "store"), config, syncs });
      await runInTurns(
        (function* (): Turns<void> {
          for (const op of generate({ seed: "1", workload, ops: OPS, config: parseConfiguration(config) }))
            yield* runner.run(op);
          yield* runner.finish();
        })(),
      );
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    expect(flushes).toBeGreaterThan(5);
  },
);
