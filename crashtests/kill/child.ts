// The process that is killed. It opens the (crashed) directory itself, goes on with the operations of its seed, and says
// on fd 3 what it is about to do and what has returned, of an asynchronous write when its promise resolves. It compares
// nothing: that is the parent's work. A promise that is rejected ends it by itself, which is a finding.

import { openSync, writeSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { setEnvironmentData } from "node:worker_threads";
import { NodeEnv, type Env } from "tinykv/env";
import {
  type AsyncWriteOp,
  changesOf,
  executeAsync,
  executeWrite,
  generate,
  isAsyncWrite,
  isWrite,
  parseConfiguration,
  printEvent,
  RecordingEnv,
  TinyKVEngine,
  TRACE_HEADER,
  type EngineStore,
  type Op,
  type WriteOp,
} from "tinykv/harness";
import { KillEnv, WORKER_POINT, type KillPoint } from "./kill-env.ts";
import type { ChildPlan } from "./plan.ts";
import { RECORD_EVENTS, RecordKind, writeRecord } from "./records.ts";

export async function runChild(plan: ChildPlan): Promise<void> {
  const { kill } = plan;
  if (kill.by === "call" && kill.phase === "worker") setEnvironmentData(WORKER_POINT, pointOf(kill));
  const env = new KillEnv(new NodeEnv(), workerBesides(process.argv[1]!));
  const traced = plan.traceFile === undefined ? env : tracingEnv(env, plan.traceFile);
  const listeners = Object.fromEntries(
    RECORD_EVENTS.map((name, number) => [name, () => writeRecord(RecordKind.event, number)]),
  );
  const engine = new TinyKVEngine({ env: traced, options: { listeners } });
  writeRecord(RecordKind.openBegin, 0);
  if (kill.by === "call" && kill.phase === "open") env.arm(kill);
  let store = engine.open(plan.directory, plan.config);
  env.arm(kill.by === "call" && kill.phase === "run" ? kill : undefined);
  writeRecord(RecordKind.openEnd, 0);
  const promises = new Map<string, Promise<void>>();
  for (const op of operationsOf(plan)) {
    if (!isRecorded(op)) {
      readOnly(store, op);
      // The syncs of the group that is under way go on beside the next operations, or come to their end.
      if (op.kind === "settle") await new Promise((resolve) => setImmediate(resolve));
      else if (op.kind === "await") {
        await promises.get(op.tag);
        promises.delete(op.tag);
      }
      continue;
    }
    writeRecord(RecordKind.intent, op.id);
    if (isAsyncWrite(op)) {
      const resolved = executeAsync(store, op);
      promises.set(
        op.tag,
        resolved.then(() => writeRecord(RecordKind.acknowledged, op.id)),
      );
      continue;
    }
    store = execute(engine, store, plan, op);
    writeRecord(RecordKind.acknowledged, op.id);
  }
  if (kill.by === "nobody") return store.close();
  writeRecord(RecordKind.done, 0);
  // Killed in its sleep: an exit of its own would be a finding.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}

// A snapshot of this file may have been made at another place.
function workerBesides(file: string): URL {
  return pathToFileURL(join(dirname(file), "start-worker.cjs"));
}

function pointOf({ nth, when }: KillPoint): KillPoint {
  return { nth, when };
}

// A line is one write, so a process that dies leaves whole lines.
function tracingEnv(env: Env, file: string): Env {
  const fd = openSync(file, "w");
  writeSync(fd, `${TRACE_HEADER}\n`);
  return new RecordingEnv(env, {
    begun: (event) => void writeSync(fd, `?${printEvent(event)}\n`),
    after: (event) => void writeSync(fd, `${printEvent(event)}\n`),
  });
}

/** The operations of a plan; the parent makes the same ones. */
export function* operationsOf(plan: ChildPlan): Generator<Op> {
  const { seed, workload, values, batch, ops, keys, syncRatio, firstId, incarnation } = plan;
  yield* generate({
    seed,
    workload,
    ...(values !== undefined && { values }),
    ...(batch !== undefined && { batch }),
    ops,
    keys,
    syncRatio,
    firstId,
    incarnation,
    config: parseConfiguration(plan.config),
  });
}

/** What changes the store or makes it durable: the parent has to know how far it came. */
export function isRecorded(op: Op): boolean {
  if (isWrite(op)) return executable(op);
  return (
    op.kind === "flush" ||
    op.kind === "sync" ||
    op.kind === "compactRange" ||
    op.kind === "reopen" ||
    op.kind === "step"
  );
}

/** Writes that the engine has no call for are nobody's. */
function executable(op: WriteOp): boolean {
  return changesOf(op).every((change) => change.kind !== "deleteRange");
}

function execute(
  engine: TinyKVEngine,
  store: EngineStore,
  plan: ChildPlan,
  op: Exclude<Op, AsyncWriteOp>,
): EngineStore {
  if (isWrite(op)) executeWrite(store, op);
  else if (op.kind === "flush") store.flush();
  else if (op.kind === "sync") store.sync();
  else if (op.kind === "step") store.step(op.job);
  else if (op.kind === "compactRange") store.compactRange();
  else if (op.kind === "reopen") {
    store.close();
    return engine.open(plan.directory, op.config);
  }
  return store;
}

// Reads keep the caches and descriptors as busy as a real process has them.
function readOnly(store: EngineStore, op: Op): void {
  if (op.kind === "get") store.get(Buffer.from(op.key, "latin1"));
}
