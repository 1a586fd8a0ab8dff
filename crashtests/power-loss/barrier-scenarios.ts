// What barrier coverage runs, shortest first: the sequences of one letter and some of more, and those few things that no
// sequence does: a checkpoint on another file system, the destruction of a store, a salvage.

import { recordRun } from "tinykv/harness";
import { acrossFileSystems, destroyScenario, salvageScenario } from "./odd-scenarios.ts";
import { runOne } from "./campaign.ts";
import type { Scenario } from "./scenario.ts";
import { sequenceOf, SEQUENCE_CONFIGS, LETTERS } from "./sequences.ts";

/** Sequences of more letters that come by a barrier with something to lose. */
const LONGER: readonly (readonly string[])[] = [
  ["put", "flush"],
  ["put", "putSync"],
  ["put", "big"],
  ["big", "putSync"],
  ["big", "big"],
  ["put", "reopen"],
  ["big", "reopen"],
  ["bigBatch", "reopen"],
  ["putSync", "checkpoint"],
  ["flush", "checkpoint"],
  ["put", "big", "putSync"],
  ["big", "big", "putSync"],
  ["put", "big", "sync"],
  ["putSync", "flush", "compact"],
  ["big", "big", "big"],
  ["put", "flush", "put", "flush", "compact"],
  ["putSync", "reopen", "put", "reopen"],
  ["putAsync", "settle"],
];

export const SCENARIOS: readonly Scenario[] = [
  ...LETTERS.map((letter) => lettersScenario([letter], SEQUENCE_CONFIGS[0]!)),
  ...LONGER.map((letters) => lettersScenario(letters, SEQUENCE_CONFIGS[0]!)),
  ...LONGER.map((letters) => lettersScenario(letters, SEQUENCE_CONFIGS[1]!)),
  acrossFileSystems,
  destroyScenario,
  salvageScenario,
];

function lettersScenario(letters: readonly string[], config: string): Scenario {
  const manual = config === SEQUENCE_CONFIGS[0] ? "" : " (manual)";
  return {
    name: letters.join(" ") + manual,
    pass: async ({ makeEngine }) => void (await recordRun({ makeEngine, config, ops: sequenceOf(letters, config) })),
    run: ({ seed, host, makeEngine }) => runOne({ seed, config, ops: sequenceOf(letters, config) }, host, makeEngine),
  };
}
