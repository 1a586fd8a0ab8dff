// Repair on what crashes leave. Every image of a crash of a dozen operations loses its CURRENT, or its manifests too, and is
// repaired: what it holds then is a state that recovery might have given (C2, C3, C8 to C10). And repair is cut short
// itself, at every I/O, in every way, and run again: it comes to the same state.

import { printOp, SILENT_HOST, type Finding, type Op } from "tinykv/harness";
import { expect, test } from "vitest";
import { runExhaustive, runOne } from "../power-loss/campaign.ts";
import { SEQUENCE_CONFIGS, sequenceOf } from "../power-loss/sequences.ts";
import { repairing } from "./repairing-engine.ts";

const LOSSES = ["current", "current and manifests"] as const;

function told(findings: readonly Finding[]): string[] {
  return findings.map(({ condition, phase, message, ops, stack }) =>
    [`${condition} ${phase} ${message}`, ...ops.map(printOp), stack ?? ""].join("\n"),
  );
}

const SEEDS = ["1", "2", "3"] as const;

test.each(LOSSES.flatMap((loss) => SEEDS.map((seed) => [loss, seed] as const)))(
  "a store that crashed and has lost its %s comes back as recovery would bring it back: seed %s",
  async (loss, seed) => {
    const options = { seed, ops: 12, workload: "mixed", recovery: 0 } as const;
    const { findings, counters } = await runExhaustive(options, SILENT_HOST, repairing(loss));
    expect(told(findings)).toEqual([]);
    expect(counters.exhausted).toBe(true);
  },
);

const LOGS = ["batch putSync", "putSync flush", "bigBatch"] as const;

test.each(LOGS)(
  "C9: a repair that is cut short anywhere comes to the same store when it is run again, whatever the crash left of %s",
  async (letters) => {
    const config = SEQUENCE_CONFIGS[0]!;
    const ops: readonly Op[] = sequenceOf(letters.split(" "), config);
    const { finding, images } = await runOne(
      { seed: "1", config, ops, recovery: 1 },
      SILENT_HOST,
      repairing("current"),
    );
    expect(told(finding ? [finding] : [])).toEqual([]);
    expect(images).toBeGreaterThan(100);
  },
);
