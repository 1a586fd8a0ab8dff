// Faults that once showed something, run again.
//
// parent-sync-failed: the sync of the parent directory failed while a store was created. open() threw, and the next one
// succeeded: it found the directory and synced the parent again. But a file system may take a directory entry that it failed
// to write for written, so nothing was ever written, and a power cut took the store with all its sync writes. Now a
// directory whose entry could not be synced is removed again, and the next open makes it anew.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseOpLog } from "tinykv/harness";
import { expect, test } from "vitest";
import { replayFaults } from "./campaign.ts";

const CORPUS = fileURLToPath(new URL("../../harness/corpus/", import.meta.url));

for (const name of readdirSync(CORPUS)) {
  const { header, ops } = parseOpLog(readFileSync(`${CORPUS}${name}`, "utf8"));
  if (!ops.some(({ kind }) => kind === "fault")) continue;
  test(`G1, G14: ${name} shows nothing any more`, async () => {
    expect(await replayFaults({ seed: header.seed, config: header.config, ops })).toBeUndefined();
  });
}
