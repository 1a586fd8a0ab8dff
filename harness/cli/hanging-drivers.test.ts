// A driver that does not come back from what a kill left: a hang, and not a loss. What waits for drivers is told here to wait for
// a short time, for the whole of this file.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { runDriverKills } from "../../crashtests/kill/driver-campaign.ts";
import { StdioEngine } from "../engines/stdio/stdio-engine.ts";
import { Watchman } from "../engines/stdio/watchman.ts";

const DRIVER = fileURLToPath(
  new URL("../../dist/harness/engines/drivers/cheating-driver.test-support.js", import.meta.url),
);
/** Longer than a driver takes to start on a busy machine. */
const HANG_MILLISECONDS = 4000;

Watchman.shared(HANG_MILLISECONDS);

test.each(["hangs-in-open", "hangs-in-a-read"])("a driver that %s of what a kill left is told as a hang", (cheat) => {
  const scratch = mkdtempSync(join(tmpdir(), "tinykv-drivers-test-"));
  try {
    const engine = StdioEngine.find(`stdio:${cheat}`, [process.execPath, DRIVER, cheat], join(scratch, "probe"));
    const { failures } = runDriverKills({ engine, seed: "1", rounds: 3, artifacts: scratch, now: () => 0 });
    expect(failures.map(({ condition }) => condition)).toEqual(["C28"]);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
});
