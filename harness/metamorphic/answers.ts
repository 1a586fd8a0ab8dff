// An op log as its caller sees it: a line for each operation with what the engine answered. Nothing is compared with the
// model: what two configurations answer differently is wrong in one of them, whatever the model says (C26).
//
// Asynchronous writes stand next to each other; before any other operation they have settled, since how far they are in
// between is chance. A reopen keeps the configuration: the log's own would give all histories the same one.

import { createHash } from "node:crypto";
import type { Engine, EngineCursor, EngineEntry, EngineSnapshot, EngineStore } from "../engine.ts";
import { entriesOf, executeAsync, executeWrite, toRange } from "../engine-calls.ts";
import { keyBytes } from "../keys.ts";
import { isAsyncWrite, isWrite, type Op, type PinnedOp, type ReadOp, type StoreOp } from "../op.ts";
import { OpScope } from "../op-scope.ts";
import { unreachable } from "../unreachable.ts";

const DIGEST_CHARACTERS = 16;
const OK = "ok";
const ABSENT = "absent";
/** Of operations that this kind of run passes over: a crash and a fault are other campaigns'. */
const PASSED_OVER = "passed over";

export interface History {
  readonly engine: Engine;
  readonly directory: string;
  readonly config: string;
}

/** The answers to all operations in order, and at the end to a scan of everything. Throws what the first open throws. */
export async function* answersOf(history: History, ops: Iterable<Op>): AsyncGenerator<string> {
  const run = new AnswerRun(history);
  try {
    for (const op of ops) yield await run.answer(op);
    yield `all: ${await run.everything()}`;
  } finally {
    run.close();
  }
}

class AnswerRun {
  readonly #history: History;
  readonly #scope = new OpScope();
  readonly #snapshots = new Map<string, EngineSnapshot>();
  readonly #cursors = new Map<string, EngineCursor>();
  #inFlight: Promise<string>[] = [];
  #store: EngineStore;

  constructor(history: History) {
    this.#history = history;
    this.#store = this.#open();
  }

  async answer(op: Op): Promise<string> {
    if (!this.#scope.admits(op)) return PASSED_OVER;
    this.#scope.note(op);
    if (isAsyncWrite(op)) {
      this.#inFlight.push(executeAsync(this.#store, op).then(() => OK, thrown));
      return "called";
    }
    const settled = await this.#settle();
    const answer = attempt(() => this.#call(op));
    return settled === "" ? answer : `${answer}; before it ${settled}`;
  }

  async everything(): Promise<string> {
    await this.#settle();
    return attempt(() => describeEntries(entriesOf(this.#store)));
  }

  close(): void {
    this.#store.close();
  }

  // What the asynchronous writes since the last other operation came to.
  async #settle(): Promise<string> {
    if (this.#inFlight.length === 0) return "";
    const settled = await Promise.all(this.#inFlight);
    this.#inFlight = [];
    return settled.join(" ");
  }

  #open(): EngineStore {
    const { engine, directory, config } = this.#history;
    return engine.open(directory, config);
  }

  #call(op: Exclude<Op, { kind: "putAsync" | "deleteAsync" | "writeAsync" }>): string {
    if (isWrite(op)) {
      executeWrite(this.#store, op);
      return OK;
    }
    switch (op.kind) {
      case "get":
      case "has":
      case "getMany":
      case "scan":
        return read(this.#store, op);
      case "crash":
      case "fault":
        return PASSED_OVER;
      default:
        return "snapshot" in op || "cursor" in op ? this.#pinned(op) : this.#onStore(op);
    }
  }

  #pinned(op: PinnedOp): string {
    if ("cursor" in op) return this.#onCursor(op);
    if (op.kind === "snapshot") {
      this.#snapshots.set(op.snapshot, this.#store.snapshot());
      return OK;
    }
    const snapshot = this.#snapshots.get(op.snapshot)!;
    if (op.kind === "snapshotGet") return describe(this.#store.get(keyBytes(op.key), snapshot));
    if (op.kind === "snapshotScan") return describeEntries(this.#store.scan(toRange(op), snapshot));
    this.#snapshots.delete(op.snapshot);
    snapshot.close();
    return OK;
  }

  #onCursor(op: Extract<PinnedOp, { cursor: string }>): string {
    if (op.kind === "cursorOpen") {
      const { cursor, snapshot, lower, upper } = op;
      const opened = this.#store.cursor({
        ...(snapshot !== undefined && { snapshot: this.#snapshots.get(snapshot)! }),
        ...(lower !== undefined && { lower: keyBytes(lower) }),
        ...(upper !== undefined && { upper: keyBytes(upper) }),
      });
      this.#cursors.set(cursor, opened);
      return OK;
    }
    const cursor = this.#cursors.get(op.cursor)!;
    if (op.kind === "cursorClose") {
      this.#cursors.delete(op.cursor);
      cursor.close();
      return OK;
    }
    const stands = "key" in op ? cursor[op.move](keyBytes(op.key)) : cursor[op.move]();
    return stands ? describeEntries([[cursor.key, cursor.value]]) : "nowhere";
  }

  #onStore(op: StoreOp): string {
    const store = this.#store;
    switch (op.kind) {
      case "flush":
        store.flush();
        return OK;
      case "sync":
        store.sync();
        return OK;
      case "step":
        store.step(op.job);
        return OK;
      case "resume":
        store.resume();
        return OK;
      case "compactRange":
        store.compactRange(
          op.from === undefined ? undefined : keyBytes(op.from),
          op.to === undefined ? undefined : keyBytes(op.to),
        );
        return OK;
      case "verify":
        return store.verify().length === 0 ? "sound" : "damaged";
      case "checkpoint":
        return this.#checkpoint(op.name);
      case "openReadOnly":
        return this.#elsewhere(this.#history.directory, { readOnly: true });
      case "reopen":
        this.#snapshots.clear();
        this.#cursors.clear();
        store.close();
        this.#store = this.#open();
        return describeEntries(entriesOf(this.#store));
      case "await":
      case "settle":
        return OK;
      default:
        return unreachable(op);
    }
  }

  #checkpoint(name: string): string {
    const { engine, directory } = this.#history;
    const target = `${directory}.${name}`;
    this.#store.checkpoint(target);
    const answer = this.#elsewhere(target, { create: false });
    engine.destroy(target);
    return answer;
  }

  // All that another open store of this configuration holds.
  #elsewhere(directory: string, mode: { readonly readOnly?: boolean; readonly create?: boolean }): string {
    const { engine, config } = this.#history;
    const other = engine.open(directory, config, mode);
    try {
      return describeEntries(entriesOf(other));
    } finally {
      other.close();
    }
  }
}

function read(store: EngineStore, op: ReadOp): string {
  switch (op.kind) {
    case "get":
      return describe(store.get(keyBytes(op.key)));
    case "has":
      return String(store.has(keyBytes(op.key)));
    case "getMany":
      return store.getMany(op.keys.map(keyBytes)).map(describe).join(" ");
    case "scan":
      return describeEntries(store.scan(toRange(op)));
    default:
      return unreachable(op);
  }
}

function attempt(call: () => string): string {
  try {
    return call();
  } catch (error) {
    return thrown(error);
  }
}

// Messages name files, whose numbers are the configuration's own business.
function thrown(error: unknown): string {
  const { name, code } = error as { name?: unknown; code?: unknown };
  return `threw ${String(name)} ${String(code ?? (error as Error).message)}`;
}

function describe(value: Uint8Array | undefined): string {
  return value === undefined ? ABSENT : `${value.length}:${digest((hash) => hash.update(value))}`;
}

function describeEntries(entries: Iterable<EngineEntry>): string {
  let count = 0;
  const found = digest((hash) => {
    for (const [key, value] of entries) {
      count++;
      for (const half of [key, value]) hash.update(half === undefined ? "-;" : `${half.length};`).update(half ?? "");
    }
  });
  return `${count} entries ${found}`;
}

function digest(fill: (hash: ReturnType<typeof createHash>) => void): string {
  const hash = createHash("sha256");
  fill(hash);
  return hash.digest("hex").slice(0, DIGEST_CHARACTERS);
}
