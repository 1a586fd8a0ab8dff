// The harness looks at itself: laws of its parts, and bugs that it must find. A harness with a bug of its own breaks one.

import type { HuntAnswer } from "../tasks.ts";
import type { WorkerHost } from "../worker-host.ts";
import type { Check } from "./check.ts";
import { DAMAGE_CHECKS } from "./damage-checks.ts";
import { ORACLE_CHECKS } from "./oracle-checks.ts";
import { SENTINEL_CHECKS } from "./sentinel-checks.ts";
import { SIMULATOR_CHECKS } from "./simulator-checks.ts";
import { WORLD_CHECKS } from "./world-checks.ts";

/** The quickest first. */
export const CHECKS: readonly Check[] = [
  ...SIMULATOR_CHECKS,
  ...ORACLE_CHECKS,
  ...WORLD_CHECKS,
  ...DAMAGE_CHECKS,
  ...SENTINEL_CHECKS,
];

/** Runs them until one is broken, all are done, or the time is up. */
export async function runSelfCheck(host: WorkerHost): Promise<HuntAnswer> {
  let executions = 0;
  for (const check of CHECKS) {
    if (host.isStopped()) break;
    host.tell({ by: check.group, executions: ++executions });
    const message = await brokenBy(check, host);
    host.beat();
    if (message === undefined) continue;
    return { by: check.group, condition: "", message: `${check.law}: ${message}`, executions, ops: 0 };
  }
  const nothing = { by: undefined, condition: "", message: "", ops: 0 };
  return { ...nothing, executions };
}

async function brokenBy({ run }: Check, host: WorkerHost): Promise<string | undefined> {
  try {
    return await run(host);
  } catch (error) {
    return `threw ${error instanceof Error ? error.stack : String(error)}`;
  }
}
