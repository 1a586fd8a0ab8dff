// A log is made longer in advance from its fourth sync on, which no short sequence reaches by chance.

import { recordRun, SILENT_HOST, TinyKVEngine } from "tinykv/harness";
import { expect, test } from "vitest";
import { runOne } from "./campaign.ts";
import { sequenceOf, SEQUENCE_CONFIGS } from "./sequences.ts";

const SYNCED = Array.from({ length: 5 }, () => "putSync");
const CASES = [SYNCED, ["flush", ...SYNCED], [...SYNCED, "reopen", "putSync"]];

test.each(CASES)(
  "G1, G2: no crash around a log that was made longer shows anything: %s %s %s %s %s",
  async (...letters) => {
    for (const config of SEQUENCE_CONFIGS) {
      const ops = sequenceOf(letters, config);
      const { trace } = await recordRun({ makeEngine: (env) => new TinyKVEngine({ env }), ops, config });
      expect(trace.some((event) => "call" in event && event.call === "truncate")).toBe(true);
      const { finding } = await runOne({ seed: "1", config, ops }, SILENT_HOST);
      expect(finding).toBeUndefined();
    }
  },
);
