// The operations of the campaign: a mixed workload on so few keys and such small buffers that a few hundred of them
// rotate logs, flush, compact, write manifests anew, reopen and make checkpoints.

import { changesOf, generate, isWrite, parseConfiguration, type Op } from "tinykv/harness";

/** Keys are written again and again: a value that comes back is seen. */
const KEYS = 24;

/** Smaller than any named configuration: each fault costs a run, so every kind of call must come early and often. */
export const FAULTS_CONFIG: string =
  "small,writeBufferSize=2048,logBlockSize=512,blockSize=64,blockCacheSize=8192,maxOpenFiles=3,targetFileSize=512," +
  "maxBytesForLevelBase=4096,level0FileNumCompactionTrigger=2,maxManifestFileSize=600";

/** One in so many operations that the engine has not is maintenance instead. */
const SPARES_PER_MAINTENANCE = 4;

/** What a reopen of the workload changes, on top of the campaign's own configuration. */
const CHANGES: Readonly<Record<string, string>> = {
  "recycle-off": ",walRecycle=false",
  "buffers-1": ",maxWriteBufferNumber=1",
  "log-512": ",logBlockSize=512",
  "index-64": ",indexBlockSize=64",
  "cache-0": ",blockCacheSize=0",
  "bloom-0": ",bloomBitsPerKey=0",
  manual: ",background=manual",
};

/**
 * So many operations, and a last reopen. Faults and crashes are the campaign's, those of asynchronous syncs too; in place of
 * some of what waits for promises, and of range deletes, comes maintenance, of which a few hundred operations else have little.
 */
export function operationsOf(seed: string, ops: number, config: string): readonly Op[] {
  const made = generate({
    workload: "mixed",
    seed,
    ops,
    keys: KEYS,
    values: "small",
    config: parseConfiguration(config),
  });
  const kept: Op[] = [];
  let spare = 0;
  for (const op of made) {
    if (op.kind === "crash" || op.kind === "fault") continue;
    else if (op.kind === "reopen") kept.push({ ...op, config: config + (CHANGES[op.config] ?? "") });
    else if (op.kind === "settle") kept.push({ ...op, outcome: "ok" });
    else if (op.kind === "await" || op.kind === "deleteRange") {
      if (spare++ % SPARES_PER_MAINTENANCE !== 0) continue;
      kept.push(maintenance(spare / SPARES_PER_MAINTENANCE, op.id));
    } else kept.push(op);
  }
  // Without a cache each block is read in the middle of a pass, where an error is taken most easily for the end.
  const id = lastIdOf(kept);
  return [
    ...kept,
    { id: id + 1, kind: "flush" },
    { id: id + 2, kind: "reopen", config: `${config},blockCacheSize=0` },
    { id: id + 3, kind: "scan", reverse: false },
    { id: id + 4, kind: "scan", reverse: true },
    { id: id + 5, kind: "reopen", config },
  ];
}

function maintenance(turn: number, id: number): Op {
  const kinds = ["checkpoint", "compactRange", "openReadOnly", "sync"] as const;
  const kind = kinds[Math.floor(turn) % kinds.length]!;
  return kind === "checkpoint" ? { id, kind, name: `spare${id}` } : { id, kind };
}

/** What is done when nothing fails any more: writes, a flush and a compaction over whatever the faults left. */
export function epilogueOf(ops: readonly Op[]): readonly Op[] {
  let id = lastIdOf(ops);
  const put = (key: string, sync: boolean): Op => ({
    id: ++id,
    kind: "put",
    key,
    value: { incarnation: 0, id: ++id, length: 40 },
    sync,
  });
  return [
    put("epilogue", false),
    put("epilogue", true),
    { id: ++id, kind: "flush" },
    { id: ++id, kind: "compactRange" },
    put("epilogue 2", false),
    { id: ++id, kind: "verify" },
  ];
}

function lastIdOf(ops: readonly Op[]): number {
  let last = 0;
  for (const op of ops) {
    last = Math.max(last, op.id);
    if (!isWrite(op)) continue;
    for (const change of changesOf(op)) if (change.kind === "put") last = Math.max(last, change.value.id);
  }
  return last;
}
