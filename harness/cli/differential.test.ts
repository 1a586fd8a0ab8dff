// A differential run that breaks off leaves nothing behind but what it found.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";
import { removeScratch } from "../fast-directory.ts";
import { runOps } from "./differential.ts";
import type { WorkerHost } from "./worker-host.ts";

const DRIVER = fileURLToPath(
  new URL("../../dist/harness/engines/drivers/cheating-driver.test-support.js", import.meta.url),
);

const NOBODY: WorkerHost = {
  begin: () => undefined,
  announce: () => undefined,
  unit: () => undefined,
  progress: () => undefined,
  tell: () => undefined,
  beat: () => undefined,
  isStopped: () => false,
};

/** Processes that this one has started and that still run a driver. */
function drivers(): string[] {
  return readdirSync("/proc").filter((pid) => {
    try {
      const isOurs = readFileSync(`/proc/${pid}/stat`, "latin1").includes(` ${process.pid} `);
      return /^\d+$/.test(pid) && isOurs && readFileSync(`/proc/${pid}/cmdline`, "latin1").includes(DRIVER);
    } catch {
      return false;
    }
  });
}

test.skipIf(process.platform !== "linux")(
  "the driver of a run that has failed is ended before its store is kept",
  async () => {
    const engine = `stdio:${[process.execPath, DRIVER, "returns-stale-values"].map((word) => word.replaceAll(" ", "\\ ")).join(" ")}`;
    const ops = { seed: "1", workload: "mixed", ops: 5000, keys: 50 } as const;
    const work = { campaign: "run", mode: "plain", command: "" } as const;
    const { found } = await runOps({ work, seed: "1", workload: "mixed", config: "default", engine, ops }, NOBODY);
    expect(found?.finding.condition).toBe("C8");
    removeScratch(found!.scratch!);
    await vi.waitFor(() => expect(drivers()).toEqual([]));
  },
);
