// The public names of the harness, listed one by one.

export { capabilitiesFor, type Capability } from "./capabilities.ts";
export {
  CONFIGURATIONS,
  ConfigurationError,
  levelsOf,
  parseConfiguration,
  randomConfiguration,
  type Configuration,
  type StoreOptions,
} from "./configurations.ts";
export type { KeyDifference, Violation } from "./diagnosis.ts";
export type {
  Engine,
  EngineChange,
  EngineCursor,
  EngineEntry,
  EngineRange,
  EngineSnapshot,
  EngineStore,
} from "./engine.ts";
export { entriesOf, executeAsync, executeWrite, recoveredFrom } from "./engine-calls.ts";
export {
  loadPeer,
  PEER_DURABILITY,
  PEERS,
  peerVersion,
  type LoadedPeer,
  type PeerDurability,
  type PeerName,
} from "./engines/peers.ts";
export { chooseEngine, EngineError, engineOf, type EngineChoice } from "./engines/find-engines.ts";
export { DriverDied } from "./engines/stdio/driver-process.ts";
export { ProtocolError } from "./engines/stdio/protocol.ts";
export { StdioEngine, type StdioStore } from "./engines/stdio/stdio-engine.ts";
export { TinyKVEngine, type TinyKVEngineOptions } from "./engines/tinykv.ts";
export { Failure, failureOf } from "./failure.ts";
export { commandLine, quote } from "./command-line.ts";
export { OverdueError, within } from "./deadline.ts";
export { fastDirectory } from "./fast-directory.ts";
export { checkEverything } from "./full-check.ts";
export { endChildWithCommand, makeScratch } from "./scratch.ts";
export { keyBytes, keyOf, type Key } from "./keys.ts";
export { Model } from "./model.ts";
export {
  changesOf,
  isAsyncWrite,
  isWrite,
  OP_KINDS,
  type AsyncWriteOp,
  type Op,
  type OpKind,
  type SyncWriteOp,
  type WriteOp,
} from "./op.ts";
export { parseOpLog, printHeader, printOpLog, OpLogError, type OpLog, type OpLogHeader } from "./op-log.ts";
export { printOp } from "./op-line.ts";
export {
  Oracle,
  TINYKV_DURABILITY,
  UNDECIDED_MAX,
  type Accepted,
  type Loss,
  type Durability,
  type Ticket,
  type Verdict,
  type Window,
} from "./oracle.ts";
export { Runner, type RunCounts, type RunnerOptions } from "./runner.ts";
export { expandValue, parseValue, type ValueRef } from "./values.ts";
export { generate, type WorkloadOptions } from "./workloads/workload.ts";
export type { ValueProfile } from "./workloads/length-source.ts";
export { MIXES, WORKLOADS, type WorkloadName } from "./workloads/mixes.ts";
export { Random } from "./workloads/random.ts";
export { Zipfian } from "./workloads/zipfian.ts";
export { errnoError } from "./disk/errno-error.ts";
export { HeldSyncs } from "./disk/held-syncs.ts";
export { ImageEnv } from "./disk/image-env.ts";
export { ContentStore, makeImage, type FileContent, type Image } from "./disk/image.ts";
export { RecordingEnv, type Fault, type Interceptor, type PlannedCall } from "./disk/recording-env.ts";
export { anySurvival } from "./disk/survivals.ts";
export { SimulatedDisk } from "./disk/simulated-disk.ts";
export { isMine, SILENT_HOST, WHOLE, type CampaignHost, type Finding, type Shard } from "./finding.ts";
export type { CrashOp, FaultOp } from "./op.ts";
export { summarise, type RecoveredSummary } from "./recovered.ts";
export { FaultWatch, type FaultyWorld } from "./runner-faults.ts";
export { openStore } from "./runner-open.ts";
export { CONDITIONS, type Condition } from "./conditions.ts";
export { CrashJudge, Examined, type Violation as CrashViolation } from "./crash/crash-judge.ts";
export {
  CoverageCounter,
  isInside,
  mergeCoverage,
  TraceMap,
  type Coverage,
  type CoverageCell,
  type CoveredPoint,
  type CrashLoss,
} from "./crash/coverage.ts";
export type { Choices } from "./disk/choice.ts";
export { formatCells, missingCells } from "./crash/coverage-cells.ts";
export { FEATURES, type Feature } from "./inspector/format-features.ts";
export { CrashOps, opsWithCrashes } from "./crash/crash-ops.ts";
export { diskAtStart, Enumeration, type CrashFound } from "./crash/enumeration.ts";
export type { OpenerOptions } from "./crash/image-opener.ts";
export { ImageGraph, type GraphCounters, type ImageNode } from "./crash/image-graph.ts";
export {
  EMPTY_DIRECTORIES,
  newDisk,
  recordRun,
  STORE,
  type EngineMaker,
  type RecordedRun,
} from "./crash/recorded-run.ts";
export { rolesOf } from "./crash/address.ts";
export { recordDriver, straceProblem, type ForeignRun } from "./strace/record-driver.ts";
export { whyImpossible } from "./disk/membership.ts";
export { parseTrace, printEvent, printTrace, TRACE_HEADER, traceHash } from "./disk/trace-file.ts";
export { changesDisk, type Trace, type TraceEvent } from "./disk/trace.ts";
export type { TraceCall } from "./disk/trace.ts";
export { readArtifact } from "./artifact-files.ts";
export { replayCommand, writeArtifact, writeReport, type ArtifactExtras, type ArtifactParts } from "./artifacts.ts";
export { shrink, type Reproduce, type ShrinkBudget, type ShrinkResult } from "./shrink.ts";
export { recordThreadedRun, type ThreadedRun } from "./crash/threaded-run.ts";
export { judgeAlone, SAMPLES } from "./crash/judge-alone.ts";
export { startImage } from "./crash/start-image.ts";
export { imageConfiguration } from "./crash/image-configuration.ts";
export { sceneOf, type CrashScene, type CrashStory } from "./crash/crash-story.ts";
export { runCrashLog, type CrashLogOptions, type CrashLogResult } from "./crash/crash-log.ts";
export { BarrierEnv, type SyncPolicy } from "./disk/barrier-env.ts";
export { crashImages } from "./disk/crash-images.ts";
export { frameTable, type FramedTable } from "./inspector/table-framing.ts";
export { problemText, type StoreProblem } from "./inspector/problem.ts";
export { edgeFiles, EDGE_NAMES, parseEdge, type Edge, type EdgeName } from "./inspector/edges.ts";
export { readStoreContents, visibleEntries, type StoreContents } from "./inspector/store-contents.ts";
export { storeProblems, type JudgeOptions } from "./inspector/store-judge.ts";
export { encodeEdit } from "./inspector/encode/edit-encoder.ts";
export { encodeChunk, LogEncoder } from "./inspector/encode/log-encoder.ts";
export type { EditField, TableEntry } from "./inspector/edit-framing.ts";
export { frameManifest } from "./inspector/manifest-framing.ts";
export { runInTurns, type Turns } from "./turns.ts";
export { markup, Markup, type Content } from "./report/markup.ts";
export { renderPage, table, type Column, type Page, type Table } from "./report/page.ts";
export { facts, sectionsMarkup, verdict, type Section } from "./report/sections.ts";
