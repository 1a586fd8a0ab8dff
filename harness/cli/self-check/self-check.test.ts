// A sound harness keeps all of its laws; what breaks them is in harness/mutants/harness/.

import { expect, test } from "vitest";
import type { WorkerHost } from "../worker-host.ts";
import { CHECKS } from "./self-check.ts";

const HOST: WorkerHost = {
  progress: () => undefined,
  unit: () => undefined,
  begin: () => undefined,
  announce: () => undefined,
  tell: () => undefined,
  beat: () => undefined,
  isStopped: () => false,
};

test.each(CHECKS.map((check) => [check.group, check.law, check] as const))("%s: %s", async (_, __, { run }) => {
  expect(await run(HOST)).toBeUndefined();
});
