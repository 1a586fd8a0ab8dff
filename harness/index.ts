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
export { entriesOf, executeWrite } from "./engine-calls.ts";
export { TinyKVEngine, type TinyKVEngineOptions } from "./engines/tinykv.ts";
export { Failure, failureOf } from "./failure.ts";
export { fastDirectory } from "./fast-directory.ts";
export { checkEverything } from "./full-check.ts";
export { keyBytes, keyOf, type Key } from "./keys.ts";
export { Model } from "./model.ts";
export { changesOf, isWrite, OP_KINDS, type Op, type OpKind, type WriteOp } from "./op.ts";
export { parseOpLog, printHeader, printOpLog, OpLogError, type OpLog, type OpLogHeader } from "./op-log.ts";
export { printOp } from "./op-line.ts";
export {
  Oracle,
  TINYKV_DURABILITY,
  type Accepted,
  type Durability,
  type Ticket,
  type Verdict,
  type Window,
} from "./oracle.ts";
export { Runner, type RunCounts, type RunnerOptions } from "./runner.ts";
export { expandValue, parseValue, type ValueRef } from "./values.ts";
export { generate, type WorkloadOptions } from "./workloads/workload.ts";
export { MIXES, WORKLOADS, type WorkloadName } from "./workloads/mixes.ts";
export { Random } from "./workloads/random.ts";
