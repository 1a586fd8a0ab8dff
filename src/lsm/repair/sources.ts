// The entries that a repaired store is made of, as sorted tables and one memtable. Whole tables stand where they are; what
// can be read of damaged ones, and what logs hold, is sorted through memtables, of which full ones become tables of their
// own. Every table that a repair writes names what it read, so that the next one knows whether this one was finished.

import type { InternalCursor } from "../../common/cursor.ts";
import type { KeyOrder } from "../../common/comparator.ts";
import type { Kind } from "../../common/internal-key.ts";
import { compareInternalKeys } from "../../common/internal-key.ts";
import { KEY_BYTES_MAX, VALUE_BYTES_MAX } from "../../common/limits.ts";
import { visitBatch } from "../../memtable/write-batch.ts";
import { Memtable } from "../../memtable/memtable.ts";
import type { TableProvenance } from "../../sst/table-format.ts";
import { LevelCursor } from "../level-cursor.ts";
import { writeMemtableWhole } from "../memtable-output.ts";
import { MergingCursor } from "../merging-cursor.ts";
import { Retention } from "../retention.ts";
import type { StoreContext } from "../store-context.ts";
import type { TableCache } from "../table-cache.ts";
import type { TableMeta } from "../table-meta.ts";
import { writeTables, type Outputs } from "../table-output.ts";

export interface SpillPlan {
  readonly context: StoreContext;
  readonly newNumber: () => number;
  /** What the next table says of the repair. */
  readonly provenance: () => TableProvenance;
}

/** Takes entries in any order, the same one more than once. */
export class Spill {
  readonly tables: TableMeta[] = [];
  readonly #context: StoreContext;
  readonly #newNumber: () => number;
  readonly #provenance: () => TableProvenance;
  readonly #outputs: Outputs;
  #memtable: Memtable | undefined;
  #made = 0;

  constructor({ context, newNumber, provenance }: SpillPlan, outputs: Outputs) {
    this.#context = context;
    this.#newNumber = newNumber;
    this.#provenance = provenance;
    this.#outputs = outputs;
  }

  get memtable(): Memtable | undefined {
    return this.#memtable;
  }

  /** True if the entry is new to the memtable. One that no store would have taken is left out. */
  add(key: Uint8Array, sequence: number, kind: Kind, value: Uint8Array): boolean {
    if (!isLegal(key, value)) return false;
    const bytes = key.length + value.length;
    if (this.#memtable && !this.#memtable.fits(1, bytes)) this.#flush(this.#memtable);
    this.#memtable ??= this.#make(Memtable.bytesFor(1, bytes));
    if (holds(this.#context.order, this.#memtable, key, sequence)) return false;
    return this.#memtable.insert(kind, sequence, key, value);
  }

  /** A record of a log; the number of its operations that are new. */
  addBatch(payload: Uint8Array, file: string, offset: number): number {
    let added = 0;
    visitBatch(payload, file, offset, (kind, sequence, key, value) => {
      if (this.add(key, sequence, kind, value)) added++;
    });
    return added;
  }

  #make(bytes: number): Memtable {
    const { order, options } = this.#context;
    return new Memtable({ order, capacity: Math.max(options.writeBufferSize, bytes), seed: ++this.#made });
  }

  #flush(memtable: Memtable): void {
    const [context, newNumber, provenance] = [this.#context, this.#newNumber, this.#provenance];
    const output = { context, newNumber, memtable, snapshots: [], epoch: 1, provenance: provenance() };
    this.tables.push(writeMemtableWhole(output, this.#outputs));
    this.#memtable = undefined;
  }
}

/** Whether a store would have taken an entry with such a key and value. */
export function isLegal(key: Uint8Array, value: Uint8Array): boolean {
  return key.length <= KEY_BYTES_MAX && value.length <= VALUE_BYTES_MAX;
}

function holds(order: KeyOrder, memtable: Memtable, key: Uint8Array, sequence: number): boolean {
  const cursor = memtable.cursor();
  cursor.seek(key, sequence);
  return cursor.valid && cursor.sequence === sequence && order.compare(cursor.key, key) === 0;
}

export interface MergePlan extends SpillPlan {
  readonly cache: TableCache;
  /** Whole. */
  readonly tables: readonly TableMeta[];
  readonly memtable: Memtable | undefined;
  readonly progress: (entries: number, total: number) => void;
}

/**
 * Merges everything by internal key into new tables that do not overlap, durable when it returns. Of each key the newest
 * version stays, a tombstone too: should an older file turn up again it still hides what is there.
 */
export function mergeSources(plan: MergePlan, outputs: Outputs): readonly TableMeta[] {
  const { context, cache, newNumber, provenance, tables, memtable, progress } = plan;
  const { order, options } = context;
  const open = (table: TableMeta): InternalCursor => cache.reader(table).cursor({ fillCache: false });
  const children: InternalCursor[] = runsOf(order, tables).map((run) => new LevelCursor(order, run, open));
  if (memtable) children.push(memtable.cursor());
  const entriesExpected = tables.reduce((sum, table) => sum + table.entries, memtable?.entries ?? 0);
  const steps = writeTables(
    {
      context,
      newNumber,
      source: new MergingCursor(order, children),
      entriesExpected,
      retention: new Retention({ order, snapshots: [], dropTombstone: () => false }),
      epoch: tables.reduce((most, { epoch }) => Math.max(most, epoch), 0) + 1,
      provenance,
      cut: { bytes: options.targetFileSize, grandparents: [] },
    },
    outputs,
  );
  const bytes = tables.reduce((sum, { size }) => sum + size, memtable?.dataBytes ?? 0);
  let read = 0;
  for (let step = steps.next(); ; step = steps.next()) {
    if (step.done) return step.value.tables;
    read += step.value;
    progress(Math.min(read, bytes), bytes);
  }
}

// Few sorted runs out of many tables: each table behind the first run that ends before it.
function runsOf(order: KeyOrder, tables: readonly TableMeta[]): TableMeta[][] {
  const sorted = [...tables].sort((a, b) => compareInternalKeys(order, a.smallest, b.smallest));
  const runs: TableMeta[][] = [];
  for (const table of sorted) {
    const run = runs.find((one) => compareInternalKeys(order, one.at(-1)!.largest, table.smallest) < 0);
    if (run) run.push(table);
    else runs.push([table]);
  }
  return runs;
}
