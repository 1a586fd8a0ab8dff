import { expectValue } from "./compare.ts";
import type { EngineCursor } from "./engine.ts";
import { Failure } from "./failure.ts";
import { isKey, keyBytes, keyOf } from "./keys.ts";
import { ModelCursor } from "./model-cursor.ts";
import type { PinnedOp } from "./op.ts";
import { type RunnerContext, stateNow } from "./runner-context.ts";
import { runScan, type LiveSnapshot } from "./runner-reads.ts";

interface LiveCursor {
  readonly cursor: EngineCursor;
  readonly model: ModelCursor;
}

type SnapshotOp = Extract<PinnedOp, { kind: "snapshot" | "release" | "snapshotGet" | "snapshotScan" }>;
type CursorOp = Exclude<PinnedOp, SnapshotOp>;

/** The snapshots and cursors of a run, on engine and model alike. */
export class PinnedReads {
  readonly #context: RunnerContext;
  readonly #snapshots = new Map<string, LiveSnapshot>();
  readonly #cursors = new Map<string, LiveCursor>();

  constructor(context: RunnerContext) {
    this.#context = context;
  }

  /** The oldest state that any of them shows. */
  get oldest(): number {
    let oldest = this.#context.oracle.model.writes;
    for (const { state } of this.#snapshots.values()) oldest = Math.min(oldest, state);
    for (const { model } of this.#cursors.values()) oldest = Math.min(oldest, model.state);
    return oldest;
  }

  /** The store was closed. */
  forgetAll(): void {
    this.#snapshots.clear();
    this.#cursors.clear();
  }

  run(op: PinnedOp): void {
    if ("cursor" in op) this.#withCursor(op);
    else this.#withSnapshot(op);
  }

  /** After a move that threw nobody knows where a cursor stands: it is closed, and its name is free. */
  drop(name: string): void {
    const live = this.#cursors.get(name);
    this.#cursors.delete(name);
    if (live) this.#context.watch.aside(() => live.cursor.close());
  }

  #withSnapshot(op: SnapshotOp): void {
    const { store, oracle } = this.#context;
    if (op.kind === "snapshot") {
      const snapshot = store.snapshot();
      const what = { condition: "C24", op: op.id, what: "scan of a new snapshot" } as const;
      const state = stateNow(this.#context, what, {
        scan: () => store.scan({}, snapshot),
        get: (key) => store.get(key, snapshot),
      });
      this.#snapshots.set(op.snapshot, { snapshot, state });
      return;
    }
    const live = this.#snapshots.get(op.snapshot)!;
    if (op.kind === "release") {
      this.#snapshots.delete(op.snapshot);
      live.snapshot.close();
    } else if (op.kind === "snapshotGet") {
      const expected = oracle.model.get(op.key, live.state);
      const what = { condition: "C24", op: op.id, what: "snapshot get" } as const;
      expectValue(what, op.key, store.get(keyBytes(op.key), live.snapshot), expected);
    } else {
      runScan(this.#context, op, { condition: "C24", op: op.id, what: "snapshot scan" }, live);
    }
  }

  #withCursor(op: CursorOp): void {
    if (op.kind === "cursorOpen") return this.#openCursor(op);
    const { cursor, model } = this.#cursors.get(op.cursor)!;
    if (op.kind === "cursorClose") {
      this.#cursors.delete(op.cursor);
      cursor.close();
      return;
    }
    model.move(op);
    const valid = "key" in op ? cursor[op.move](keyBytes(op.key)) : cursor[op.move]();
    const { entry } = model;
    if (valid !== (entry !== undefined))
      throw new Failure("C24", `cursor ${op.move}: valid is ${valid}, the model says ${!valid}`, op.id);
    if (!entry) return;
    if (!isKey(cursor.key, entry[0])) {
      throw new Failure(
        "C24",
        `cursor ${op.move} stands on ${JSON.stringify(keyOf(cursor.key))}, not ${JSON.stringify(entry[0])}`,
        op.id,
      );
    }
    expectValue({ condition: "C24", op: op.id, what: `cursor ${op.move}` }, entry[0], cursor.value, entry[1]);
  }

  #openCursor(op: Extract<CursorOp, { kind: "cursorOpen" }>): void {
    const { store, oracle } = this.#context;
    const live = op.snapshot === undefined ? undefined : this.#snapshots.get(op.snapshot);
    const cursor = store.cursor({
      ...(live && { snapshot: live.snapshot }),
      ...(op.lower !== undefined && { lower: keyBytes(op.lower) }),
      ...(op.upper !== undefined && { upper: keyBytes(op.upper) }),
    });
    const what = { condition: "C8", op: op.id, what: "scan beside a new cursor" } as const;
    const now = { scan: () => store.scan({}), get: (key: Buffer) => store.get(key) };
    const state = live?.state ?? stateNow(this.#context, what, now);
    const model = new ModelCursor(oracle.model, state, op.lower, op.upper);
    this.#cursors.set(op.cursor, { cursor, model });
  }
}
