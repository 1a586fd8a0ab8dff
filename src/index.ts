// The public names of the engine, listed one by one.

export { bytewise, type Comparator } from "./common/comparator.ts";
export type { BytesLike } from "./common/bytes.ts";
export { CorruptionError, TinyKVError, type ErrorCode } from "./common/errors.ts";
export { WriteBatch, type BatchOperation } from "./memtable/write-batch.ts";
export { Database, open, type ReadOptions, type WriteOptions } from "./lsm/database.ts";
export { destroyStore as destroy } from "./lsm/destroy.ts";
export type { Cursor, CursorOptions } from "./lsm/cursor.ts";
export type { EventName, Events, JobEnd, Listener, Listeners, StallCause } from "./lsm/events.ts";
export type { FoundVersion } from "./lsm/find.ts";
export type { IterateOptions, Iteration } from "./lsm/iterate.ts";
export type { JobDescription, JobKind } from "./lsm/job-description.ts";
export type { RecoveryReport, SkippedBytes } from "./lsm/log-recovery.ts";
export {
  DEFAULTS,
  type BackgroundMode,
  type Options,
  type ResolvedOptions,
  type WalRecoveryMode,
} from "./lsm/options.ts";
export { repairStore as repair, type RepairProgress } from "./lsm/repair/repair.ts";
export type { LostBytes, LostKeys, LostPart, LostSequences, RepairedFile, RepairReport } from "./lsm/repair/report.ts";
export type { Snapshot } from "./lsm/snapshots.ts";
export type { LevelStats, StallStats, Stats } from "./lsm/stats.ts";
export type { Problem, VerifyProgress, VerifyReport } from "./lsm/verify.ts";
export type { Logger } from "./lsm/logger.ts";
