// What a flush and a compaction share: entries from a cursor go through the retention rules into new tables.
//
//   each output: table written → fsync; all outputs: fsync directory. Only then may an edit name them.
//
// Outputs are cut by size and by how much of the grandparents they would overlap, never between two versions of one
// user key: of two tables of a level, a read asks only one.

import { assert } from "../common/assert.ts";
import type { InternalCursor } from "../common/cursor.ts";
import { errnoOf } from "../common/errors.ts";
import type { Kind } from "../common/internal-key.ts";
import { TableBuilder, type TableSummary } from "../sst/table-builder.ts";
import type { TableProvenance } from "../sst/table-format.ts";
import { TableReader } from "../sst/table-reader.ts";
import { BlockCache } from "../sst/block-cache.ts";
import type { FileHandle } from "../util/env.ts";
import { readFully } from "../util/file-io.ts";
import { GRANDPARENT_FILES_MOST } from "./compaction-plan.ts";
import { tableName } from "./file-names.ts";
import type { Retention } from "./retention.ts";
import { drawTag, joinPath, type OutputContext } from "./store-context.ts";
import type { TableMeta } from "./table-meta.ts";

export interface OutputPlan {
  readonly context: OutputContext;
  readonly newNumber: () => number;
  readonly source: InternalCursor;
  /** How many entries the source must have: a job that lost one must not commit. */
  readonly entriesExpected: number;
  readonly retention: Retention;
  readonly epoch: number;
  /** What the next table says of the job. */
  readonly provenance: () => TableProvenance;
  /** Undefined: one output, however large. */
  readonly cut: CutPlan | undefined;
}

export interface CutPlan {
  readonly bytes: number;
  readonly grandparents: readonly TableMeta[];
  /** The last of so many outputs takes all the rest. Absent: there may be any number. */
  readonly outputsMost?: number;
}

export interface OutputResult {
  readonly tables: readonly TableMeta[];
  readonly entriesIn: number;
  readonly entriesOut: number;
  readonly shadowed: number;
  readonly tombstonesDropped: number;
  readonly bytesWritten: number;
  readonly blocksWritten: number;
}

/** A step ends at a block boundary, or after this many entries when none is written because all are dropped. */
const ENTRIES_PER_STEP = 128;

/** Numbers of every output begun, for whoever has to remove them when the job fails. */
export class Outputs {
  readonly numbers: number[] = [];
}

/** Yields the bytes of input consumed since the last yield. */
export function* writeTables(plan: OutputPlan, outputs: Outputs): Generator<number, OutputResult> {
  const writer = new OutputWriter(plan, outputs);
  const { source, retention } = plan;
  let entriesIn = 0;
  let shadowed = 0;
  let tombstonesDropped = 0;
  let bytes = 0;
  let entries = 0;
  try {
    for (source.first(); source.valid; source.next()) {
      entriesIn++;
      entries++;
      const { key, sequence, kind, value } = source;
      bytes += key.length + value.length;
      const verdict = retention.judge(key, sequence, kind);
      if (verdict === "keep") {
        const atBoundary = writer.add(key, sequence, kind, value, retention.isNewKey);
        if (!atBoundary && entries < ENTRIES_PER_STEP) continue;
      } else {
        if (verdict === "shadowed") shadowed++;
        else tombstonesDropped++;
        if (entries < ENTRIES_PER_STEP) continue;
      }
      yield bytes;
      bytes = 0;
      entries = 0;
    }
    writer.finishTable();
    assert(entriesIn === plan.entriesExpected, `a job reads all its entries: ${entriesIn} of ${plan.entriesExpected}`);
    assert(entriesIn === writer.entries + shadowed + tombstonesDropped, "records in = records out + dropped");
    writer.finishAll();
  } finally {
    writer.abandon();
  }
  return {
    tables: writer.tables,
    entriesIn,
    entriesOut: writer.entries,
    shadowed,
    tombstonesDropped,
    ...writer.written(),
  };
}

class OutputWriter {
  readonly tables: TableMeta[] = [];
  entries = 0;
  readonly #plan: OutputPlan;
  readonly #outputs: Outputs;
  #blocks = 0;
  #lastBlocks = 0;
  #file: FileHandle | undefined;
  #builder: TableBuilder | undefined;
  #number = 0;
  #grandparent = 0;
  #grandparentBytes = 0;

  constructor(plan: OutputPlan, outputs: Outputs) {
    this.#plan = plan;
    this.#outputs = outputs;
  }

  /** True when a block was written: a place to pause. */
  add(key: Uint8Array, sequence: number, kind: Kind, value: Uint8Array, isNewKey: boolean): boolean {
    if (this.#builder && this.#plan.cut && isNewKey && this.#shouldCut(key, this.#plan.cut)) this.finishTable();
    this.#builder ??= this.#begin(key);
    this.#builder.add(key, sequence, kind, value);
    this.entries++;
    const paused = this.#builder.blocksWritten !== this.#lastBlocks;
    this.#lastBlocks = this.#builder.blocksWritten;
    return paused;
  }

  finishTable(): void {
    const { context, provenance, epoch } = this.#plan;
    const builder = this.#builder;
    const file = this.#file;
    if (!builder || !file) return;
    const summary = builder.finish(provenance());
    file.sync("flush.table");
    if (context.options.paranoid) verifyOutput(context, file, this.#number, summary);
    this.#file = undefined;
    this.#builder = undefined;
    file.close();
    this.tables.push(toMeta(summary, this.#number, epoch));
    this.#blocks += summary.dataBlocks;
  }

  /** The names of all outputs become durable. */
  finishAll(): void {
    const { env, path, health } = this.#plan.context;
    if (this.tables.length > 0) health.sync(() => env.syncDirectory(path, "flush.directory"));
  }

  /** Closes what an error left open. */
  abandon(): void {
    this.#file?.close();
    this.#file = undefined;
  }

  written(): { bytesWritten: number; blocksWritten: number } {
    return { bytesWritten: this.tables.reduce((sum, table) => sum + table.size, 0), blocksWritten: this.#blocks };
  }

  #begin(key: Uint8Array): TableBuilder {
    const { context, newNumber, epoch } = this.#plan;
    const { env, options, path, databaseId, order } = context;
    this.#number = newNumber();
    this.#outputs.numbers.push(this.#number);
    try {
      this.#file = env.open(joinPath(path, tableName(this.#number)), "wx");
    } catch (error) {
      // A file that is there already is somebody else's: whoever cleans up behind this job must not take it for its output.
      if (errnoOf(error) === "EEXIST") this.#outputs.numbers.pop();
      throw error;
    }
    this.#lastBlocks = 0;
    this.#grandparentBytes = 0;
    this.#skipGrandparents(key, false);
    return new TableBuilder({
      file: this.#file,
      order,
      blockSize: options.blockSize,
      indexBlockSize: options.indexBlockSize,
      bloomBitsPerKey: options.bloomBitsPerKey,
      identity: {
        fileNumber: this.#number,
        databaseId,
        tag: drawTag(env),
        epoch,
        creationTime: env.now(),
        comparatorName: options.comparator.name,
      },
    });
  }

  #shouldCut(key: Uint8Array, cut: CutPlan): boolean {
    if (this.tables.length + 1 === cut.outputsMost) return false;
    if (this.#builder!.estimatedSize >= cut.bytes) return true;
    this.#skipGrandparents(key, true);
    return this.#grandparentBytes > GRANDPARENT_FILES_MOST * cut.bytes;
  }

  // Grandparents that end before `key` are behind us; with `count` they overlap the open output.
  #skipGrandparents(key: Uint8Array, count: boolean): void {
    const grandparents = this.#plan.cut?.grandparents ?? [];
    for (; this.#grandparent < grandparents.length; this.#grandparent++) {
      const table = grandparents[this.#grandparent]!;
      if (this.#plan.context.order.compare(key, table.largest.key) <= 0) return;
      if (count) this.#grandparentBytes += table.size;
    }
  }
}

function toMeta(summary: TableSummary, number: number, epoch: number): TableMeta {
  const { size, tag, smallest, largest, leastSequence, greatestSequence, entries, deletes } = summary;
  return { number, size, tag, epoch, smallest, largest, leastSequence, greatestSequence, entries, deletes };
}

// paranoid: nothing is named by the manifest that was not read back whole.
function verifyOutput(context: OutputContext, file: FileHandle, number: number, summary: TableSummary): void {
  const reader = TableReader.open({
    source: {
      read(buffer, position) {
        context.beat?.();
        return readFully(file, buffer, position);
      },
    },
    name: tableName(number),
    number,
    size: summary.size,
    tag: summary.tag,
    order: context.order,
    cache: new BlockCache(0),
  });
  const found = reader.verify((offset, problem) => assert(false, `${tableName(number)} at ${offset}: ${problem}`));
  assert(found.entries === summary.entries, "a table read back has the entries that were written");
}
