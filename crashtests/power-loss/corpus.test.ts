// Crashes that once showed something, again: the very crash, and every other one of the same operations, since a mended
// engine may make its calls in another order.

import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseOpLog, runCrashLog, SILENT_HOST, TinyKVEngine } from "tinykv/harness";
import { expect, test } from "vitest";
import { runOne } from "./campaign.ts";

const CORPUS = fileURLToPath(new URL("../../harness/corpus/", import.meta.url));

for (const name of readdirSync(CORPUS)) {
  const log = parseOpLog(readFileSync(`${CORPUS}${name}`, "utf8"));
  if (!log.ops.some(({ kind }) => kind === "crash")) continue;
  test(`C1, C3: ${name} shows nothing any more`, async () => {
    const replayed = await runCrashLog(log, { makeEngine: (env) => new TinyKVEngine({ env }) });
    expect(replayed.finding).toBeUndefined();
    const ops = log.ops.filter(({ kind }) => kind !== "crash");
    const { finding, images } = await runOne({ seed: log.header.seed, config: log.header.config, ops }, SILENT_HOST);
    expect(finding).toBeUndefined();
    expect(images).toBeGreaterThan(0);
  });
}
