// A job's work, done from its order alone, in whatever thread. Nothing here knows the store.

import { bytewise, checkedComparator, KeyOrder, type Comparator } from "../../common/comparator.ts";
import type { InternalCursor } from "../../common/cursor.ts";
import { ioError, wasNotBegun } from "../../common/errors.ts";
import { Memtable } from "../../memtable/memtable.ts";
import type { Env } from "../../util/env.ts";
import { writeMemtable } from "../memtable-output.ts";
import { mergeTables } from "../merge-tables.ts";
import type { OutputContext } from "../store-context.ts";
import { TableCache } from "../table-cache.ts";
import type { TableMeta } from "../table-meta.ts";
import type { Outputs, OutputResult } from "../table-output.ts";
import { Version } from "../version.ts";
import type { CompactionSource, FlushSource, WorkOrder } from "./work-order.ts";

/** What work lets others know. */
export interface Signs {
  /** Called for each output before its file is created. */
  readonly begin: () => void;
  /** Called from time to time in the middle of a step that is long. */
  readonly beat: () => void;
}

/** Work on an order, in steps as of writeTables; whoever drops it half way returns the generator. */
export class Work {
  readonly steps: Generator<number, OutputResult>;
  /** A sync of the directory failed: what is durable is unknown, for the store too. */
  failedForGood = false;
  readonly #order: WorkOrder;
  readonly #context: OutputContext;
  readonly #newNumber: () => number;
  readonly #outputs: Outputs;

  constructor(env: Env, comparator: Comparator, order: WorkOrder, outputs: Outputs, signs: Signs) {
    const { path, databaseId, options } = order;
    this.#order = order;
    this.#outputs = outputs;
    const isChecked = options.paranoid && comparator !== bytewise;
    this.#context = {
      env,
      path,
      databaseId,
      order: new KeyOrder(isChecked ? checkedComparator(comparator) : comparator),
      options: { ...options, comparator },
      health: { sync: (action) => this.#sync(action) },
      beat: signs.beat,
    };
    this.#newNumber = () => {
      signs.begin();
      return order.outputs.first + outputs.numbers.length;
    };
    this.steps = order.source.kind === "flush" ? this.#flush(order.source) : this.#compact(order.source);
  }

  #flush(source: FlushSource): Generator<number, OutputResult> {
    const { snapshots, epoch, provenance } = this.#order;
    const memtable = Memtable.attachFrozen(source.memtable, this.#context.order);
    const output = { context: this.#context, newNumber: this.#newNumber, memtable, snapshots, epoch, provenance };
    return writeMemtable(output, this.#outputs);
  }

  *#compact(source: CompactionSource): Generator<number, OutputResult> {
    const { snapshots, epoch, provenance, options, outputs } = this.#order;
    const context = this.#context;
    // What is read once is not worth a cache.
    const tables = new TableCache({ ...context, options: { ...options, blockCacheSize: 0, readOnly: false } });
    const version = Version.unchecked(context.order, source.deeper);
    const open = (table: TableMeta): InternalCursor => tables.reader(table).cursor({ fillCache: false });
    try {
      return yield* mergeTables(
        {
          context,
          newNumber: this.#newNumber,
          inputs: source.inputs,
          open,
          snapshots,
          dropTombstone: (key) => !version.mayHoldBelow(source.outputLevel, key),
          epoch,
          provenance,
          cut: { bytes: options.targetFileSize, grandparents: source.grandparents, outputsMost: outputs.count },
        },
        this.#outputs,
      );
    } finally {
      tables.close();
    }
  }

  #sync(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.failedForGood ||= !wasNotBegun(error);
      throw ioError(error, "sync");
    }
  }
}
