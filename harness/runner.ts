// The differential runner: each operation is executed on the engine and on the model, and their answers are compared at
// once. It tells the oracle what was issued, what returned and what became durable, so that a crash harness can stop it
// anywhere and ask what may be left.

import { capabilitiesFor } from "./capabilities.ts";
import { expectEntries, expectValue, type About } from "./compare.ts";
import type { Engine, EngineCursor, EngineSnapshot, EngineStore } from "./engine.ts";
import { entriesOf, executeWrite, toRange } from "./engine-calls.ts";
import { Failure, failureOf } from "./failure.ts";
import { checkEverything } from "./full-check.ts";
import { keyBytes, keyOf, type Key } from "./keys.ts";
import { ModelCursor } from "./model-cursor.ts";
import { changesOf, isWrite, type Op, type PinnedOp, type ScanOptions, type StoreOp, type SyncWriteOp } from "./op.ts";
import { OpScope } from "./op-scope.ts";
import { Oracle } from "./oracle.ts";

/** States behind the oldest that anybody may ask for are forgotten every so many operations. */
const FORGET_OPS = 1024;

export interface RunnerOptions {
  readonly engine: Engine;
  readonly directory: string;
  readonly config: string;
  /** Told of each operation that is about to run and each that returned (the crash child writes records here). */
  readonly observer?: { begin(op: Op): void; end(op: Op): void };
}

/** What a run did, by kind of operation. */
export interface RunCounts {
  readonly executed: number;
  readonly skipped: number;
  readonly byKind: Readonly<Record<string, number>>;
  readonly syncWrites: number;
  readonly writes: number;
}

interface LiveSnapshot {
  readonly snapshot: EngineSnapshot;
  readonly state: number;
}

interface LiveCursor {
  readonly cursor: EngineCursor;
  readonly model: ModelCursor;
}

export class Runner {
  readonly oracle: Oracle;
  readonly #options: RunnerOptions;
  readonly #scope = new OpScope();
  readonly #snapshots = new Map<string, LiveSnapshot>();
  readonly #cursors = new Map<string, LiveCursor>();
  readonly #counts: Record<string, number> = {};
  #config: string;
  #store: EngineStore;
  #executed = 0;
  #skipped = 0;
  #writes = 0;
  #syncWrites = 0;

  /** Opens the store; `oracle` goes on from an earlier incarnation. */
  constructor(options: RunnerOptions, oracle?: Oracle) {
    this.#options = options;
    this.#config = options.config;
    this.oracle = oracle ?? new Oracle(options.engine.durability);
    this.#store = options.engine.open(options.directory, this.#config);
  }

  get store(): EngineStore {
    return this.#store;
  }

  get config(): string {
    return this.#config;
  }

  counts(): RunCounts {
    return {
      executed: this.#executed,
      skipped: this.#skipped,
      byKind: this.#counts,
      syncWrites: this.#syncWrites,
      writes: this.#writes,
    };
  }

  /** Executes one operation; throws Failure when the engine breaks a condition, and what it throws unasked as C8. */
  run(op: Op): void {
    if (!this.#admits(op)) {
      this.#skipped++;
      return;
    }
    this.#options.observer?.begin(op);
    try {
      this.#execute(op);
    } catch (error) {
      if (error instanceof Failure) throw error;
      throw new Failure("C8", `${op.kind} threw ${String(error)}`, op.id, { cause: error });
    }
    this.#options.observer?.end(op);
    this.#scope.note(op);
    this.#counts[op.kind] = (this.#counts[op.kind] ?? 0) + 1;
    if (++this.#executed % FORGET_OPS === 0) this.oracle.forget(this.#oldestPinned());
  }

  /** Every read path, then verify(), then the same after a close and an open. */
  finish(): void {
    this.#checkAll(undefined);
    this.#reopen(this.#config, undefined);
    this.#checkAll(undefined);
    this.close();
  }

  /** Compares every read path with the model and asks the store to verify itself. */
  checkAll(): void {
    this.#checkAll(undefined);
  }

  close(): void {
    this.#store.close();
    this.oracle.durable();
    this.#forgetPinned();
    this.#inspect(undefined);
  }

  #admits(op: Op): boolean {
    const { capabilities } = this.#options.engine;
    return capabilitiesFor(op).every((needed) => capabilities.has(needed)) && this.#scope.admits(op);
  }

  #execute(op: Op): void {
    if (isWrite(op)) {
      this.#write(op as SyncWriteOp);
      return;
    }
    switch (op.kind) {
      case "get":
        return expectValue(
          this.#about(op, "get"),
          op.key,
          this.#store.get(keyBytes(op.key)),
          this.oracle.model.get(op.key),
        );
      case "has":
        return this.#has(op.id, op.key);
      case "getMany":
        return this.#getMany(op.id, op.keys);
      case "scan":
        return this.#scan(op, this.#about(op, "scan"), undefined);
      case "crash":
      case "fault":
        throw new Error(`${op.kind} is not the runner's to execute`);
      case "snapshot":
      case "release":
      case "snapshotGet":
      case "snapshotScan":
        return this.#withSnapshot(op);
      case "cursorOpen":
      case "cursorMove":
      case "cursorClose":
        return this.#withCursor(op);
      default:
        return this.#onStore(op);
    }
  }

  #write(op: SyncWriteOp): void {
    const { oracle } = this;
    const ticket = oracle.issue(op);
    executeWrite(this.#store, op);
    oracle.returned(ticket);
    this.#writes++;
    if (op.sync) this.#syncWrites++;
    // What was just written is read back: the last change of the operation stands for it.
    const last = changesOf(op).at(-1);
    if (!last || last.kind === "deleteRange") return;
    expectValue(
      this.#about(op, `get after ${op.kind}`),
      last.key,
      this.#store.get(keyBytes(last.key)),
      oracle.model.get(last.key),
    );
  }

  #has(id: number, key: Key): void {
    const expected = this.oracle.model.get(key) !== undefined;
    const found = this.#store.has(keyBytes(key));
    if (found !== expected)
      throw new Failure("C8", `has of ${JSON.stringify(key)} gave ${found}, the model has ${expected}`, id);
  }

  #getMany(id: number, keys: readonly Key[]): void {
    const values = this.#store.getMany(keys.map(keyBytes));
    if (values.length !== keys.length)
      throw new Failure("C8", `getMany of ${keys.length} keys gave ${values.length} values`, id);
    keys.forEach((key, i) =>
      expectValue({ condition: "C8", op: id, what: "getMany" }, key, values[i], this.oracle.model.get(key)),
    );
  }

  #scan(options: ScanOptions, about: About, live: LiveSnapshot | undefined): void {
    const expected = this.oracle.model.scan(options, live?.state);
    expectEntries(about, this.#store.scan(toRange(options), live?.snapshot), expected, options.only);
  }

  #withSnapshot(
    op: Extract<PinnedOp, { snapshot: string; kind: "snapshot" | "release" | "snapshotGet" | "snapshotScan" }>,
  ): void {
    if (op.kind === "snapshot") {
      this.#snapshots.set(op.snapshot, { snapshot: this.#store.snapshot(), state: this.oracle.model.writes });
      return;
    }
    const live = this.#snapshots.get(op.snapshot)!;
    if (op.kind === "release") {
      live.snapshot.close();
      this.#snapshots.delete(op.snapshot);
    } else if (op.kind === "snapshotGet") {
      const expected = this.oracle.model.get(op.key, live.state);
      const about = { condition: "C24", op: op.id, what: "snapshot get" } as const;
      expectValue(about, op.key, this.#store.get(keyBytes(op.key), live.snapshot), expected);
    } else if (op.kind === "snapshotScan") {
      this.#scan(op, { condition: "C24", op: op.id, what: "snapshot scan" }, live);
    }
  }

  #withCursor(op: Extract<PinnedOp, { cursor: string }>): void {
    if (op.kind === "cursorOpen") {
      const live = op.snapshot === undefined ? undefined : this.#snapshots.get(op.snapshot);
      const cursor = this.#store.cursor({
        ...(live && { snapshot: live.snapshot }),
        ...(op.lower !== undefined && { lower: keyBytes(op.lower) }),
        ...(op.upper !== undefined && { upper: keyBytes(op.upper) }),
      });
      const model = new ModelCursor(this.oracle.model, live?.state ?? this.oracle.model.writes, op.lower, op.upper);
      this.#cursors.set(op.cursor, { cursor, model });
      return;
    }
    const { cursor, model } = this.#cursors.get(op.cursor)!;
    if (op.kind === "cursorClose") {
      cursor.close();
      this.#cursors.delete(op.cursor);
      return;
    }
    model.move(op);
    const valid = "key" in op ? cursor[op.move](keyBytes(op.key)) : cursor[op.move]();
    const { entry } = model;
    if (valid !== (entry !== undefined))
      throw new Failure("C24", `cursor ${op.move}: valid is ${valid}, the model says ${!valid}`, op.id);
    if (!entry) return;
    if (keyOf(cursor.key) !== entry[0]) {
      throw new Failure(
        "C24",
        `cursor ${op.move} stands on ${JSON.stringify(keyOf(cursor.key))}, not ${JSON.stringify(entry[0])}`,
        op.id,
      );
    }
    expectValue({ condition: "C24", op: op.id, what: `cursor ${op.move}` }, entry[0], cursor.value, entry[1]);
  }

  #onStore(op: StoreOp): void {
    switch (op.kind) {
      case "flush":
        this.#store.flush();
        return this.oracle.durable();
      case "sync":
        this.#store.sync();
        return this.oracle.durable();
      case "compactRange":
        this.#store.compactRange(
          op.from === undefined ? undefined : keyBytes(op.from),
          op.to === undefined ? undefined : keyBytes(op.to),
        );
        return this.oracle.durable();
      case "step":
        return this.#store.step(op.job);
      case "resume":
        return this.#store.resume();
      case "verify":
        return this.#verify(op.id);
      case "reopen":
        return this.#reopen(op.config, op.id);
      case "checkpoint":
        return this.#checkpoint(op.name, op.id);
      case "openReadOnly":
        return this.#readOnly(op.id);
      case "settle":
      case "await":
        throw new Error(`${op.kind} needs an engine with the capability async`);
    }
  }

  #verify(id: number | undefined): void {
    const problem = this.#store.verify()[0];
    if (problem !== undefined) throw new Failure("C15", `verify: ${problem}`, id);
    this.#inspect(id);
  }

  #inspect(id: number | undefined): void {
    const problem = this.#store.inspect()[0];
    if (problem !== undefined) throw new Failure("C17", problem, id);
  }

  #reopen(config: string, id: number | undefined): void {
    this.#store.close();
    this.oracle.durable();
    this.#forgetPinned();
    this.#inspect(id);
    this.#config = config;
    this.#store = this.#options.engine.open(this.#options.directory, config);
    this.#judge(this.#store, id);
    this.#inspect(id);
  }

  #checkpoint(name: string, id: number): void {
    const { engine, directory } = this.#options;
    const target = `${directory}.${name}`;
    this.#store.checkpoint(target);
    const copy = engine.open(target, this.#config, { create: false });
    try {
      this.#judge(copy, id);
      const problem = engine.capabilities.has("verify") ? copy.verify()[0] : undefined;
      if (problem !== undefined) throw new Failure("C15", `verify of a checkpoint: ${problem}`, id);
    } finally {
      copy.close();
    }
    engine.destroy(target);
  }

  #readOnly(id: number): void {
    const { engine, directory } = this.#options;
    const reader = engine.open(directory, this.#config, { readOnly: true });
    try {
      this.#judge(reader, id);
    } finally {
      reader.close();
    }
  }

  /** The whole state of a store equals the model's current one. */
  #judge(store: EngineStore, id: number | undefined): void {
    const { model } = this.oracle;
    if (!this.#options.engine.capabilities.has("scan")) return;
    const now = { least: model.writes, most: model.writes, tail: [] };
    const verdict = this.oracle.judge(now, entriesOf(store));
    if (!verdict.ok) throw failureOf(verdict.violation, id);
  }

  #checkAll(id: number | undefined): void {
    const { capabilities } = this.#options.engine;
    checkEverything(this.#store, this.oracle.model, capabilities, id);
    if (capabilities.has("verify")) this.#verify(id);
  }

  #about(op: Op, what: string): About {
    return { condition: "C8", op: op.id, what };
  }

  #forgetPinned(): void {
    this.#snapshots.clear();
    this.#cursors.clear();
    this.#scope.closed();
  }

  #oldestPinned(): number {
    let oldest = this.oracle.model.writes;
    for (const { state } of this.#snapshots.values()) oldest = Math.min(oldest, state);
    for (const { model } of this.#cursors.values()) oldest = Math.min(oldest, model.state);
    return oldest;
  }
}
