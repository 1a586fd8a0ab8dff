// A store in memory, as small as one can be that does all a version and the picker are for: flushes, compactions that
// run beside each other and commit later, snapshots, reads through the levels. Its reads are compared with every write
// ever made, so a plan that parts what belongs together shows as a wrong answer.

import { assert } from "../common/assert.ts";
import { Kind, SEQUENCE_MAX } from "../common/internal-key.ts";
import { Prng } from "../util/prng.ts";
import { pickCompaction, pickRange, stillValid, type CompactionPlan, type PickerOptions } from "./compaction-picker.ts";
import { endsBefore, spanOf, type KeySpan, type TableMeta } from "./table-meta.ts";
import { Version } from "./version.ts";
import { ORDER } from "./versions.test-support.ts";

interface Entry {
  readonly key: string;
  readonly sequence: number;
  readonly isDelete: boolean;
}

interface Running {
  readonly plan: CompactionPlan;
  /** What the job sees for as long as it runs. */
  readonly version: Version;
  readonly snapshots: readonly number[];
}

const KEYS = [..."abcdefghijklmnop"];
const ENTRY_BYTES = 10;

export class MiniStore {
  version: Version;
  readonly running: Running[] = [];
  readonly snapshots: number[] = [];
  readonly options: PickerOptions;
  readonly #prng: Prng;
  readonly #contents = new Map<number, readonly Entry[]>();
  readonly #writes: Entry[] = [];
  readonly #cursors = new Map<number, Uint8Array>();
  #nextNumber = 1;
  #sequence = 0;

  constructor(seed: number) {
    this.#prng = new Prng(seed);
    this.options = {
      numLevels: 2 + this.below(4),
      targetFileSize: 1 + this.below(60),
      maxBytesForLevelBase: 1 + this.below(120),
      maxBytesForLevelMultiplier: 2 + this.below(3),
      level0FileNumCompactionTrigger: 1 + this.below(4),
      writeBufferSize: 1 + this.below(100),
    };
    this.version = Version.empty(ORDER, this.options.numLevels);
  }

  below(count: number): number {
    return this.#prng.next() % count;
  }

  flush(): void {
    const entries: Entry[] = [];
    const deletesOneIn = 1 + this.below(4);
    const first = this.below(KEYS.length);
    const span = 1 + this.below(KEYS.length - first);
    for (let i = 1 + this.below(8); i > 0; i--) {
      const key = KEYS[first + this.below(span)]!;
      entries.push({ key, sequence: ++this.#sequence, isDelete: this.below(deletesOneIn) === 0 });
    }
    this.#writes.push(...entries);
    entries.sort(compareEntries);
    const table = this.#makeTable(entries, this.version.greatestEpoch + 1, this.#someOpenEnd(entries, "~"));
    this.version = this.version.apply({ added: [{ level: 0, table }] });
  }

  snapshot(): void {
    this.snapshots.push(this.#sequence);
  }

  /** Begins what the picker chooses; false for nothing. */
  begin(): boolean {
    const plan = pickCompaction(this.version, this.options, {
      running: this.running.map((job) => job.plan),
      cursors: this.#cursors,
      oldestSnapshot: this.#oldestSnapshot(),
      lastSequence: this.#sequence,
    });
    if (!plan) return false;
    this.#begin(plan);
    return true;
  }

  /** Commits one running compaction. */
  commit(index: number): void {
    const [job] = this.running.splice(index, 1);
    if (job) this.#commit(job);
  }

  /** Merges a range at once, with nothing else running; nothing below it, and no tombstone in it, is left. */
  compactRange(): void {
    const [from, to] = [KEYS[this.below(KEYS.length)]!, KEYS[this.below(KEYS.length)]!].sort();
    const plan = pickRange(this.version, Buffer.from(from!), Buffer.from(to!), this.options);
    if (!plan) return;
    assert(!plan.trivialMove, "a range is merged, never moved");
    this.#begin(plan);
    this.commit(0);
    const span = spanOf(
      ORDER,
      plan.inputs.flatMap(({ tables }) => tables),
    )!;
    assert(!this.version.overlapsBelow(plan.outputLevel, span), "nothing lies below a compacted range");
    const merged = this.version.overlappingSpan(plan.outputLevel, span);
    if (this.snapshots.length === 0)
      assert(
        merged.every(({ deletes }) => deletes === 0),
        "its tombstones are gone",
      );
  }

  /** Every key at every snapshot and now, against the writes; and the invariants. */
  check(): void {
    const problem = this.version.problems()[0];
    assert(problem === undefined, `sound: ${problem}`);
    for (const sequence of [...this.snapshots, this.#sequence]) {
      for (const key of KEYS) {
        const found = this.#read(key, sequence);
        const wanted = this.#writes.findLast((entry) => entry.key === key && entry.sequence <= sequence);
        const value = (entry: Entry | undefined): number => (entry && !entry.isDelete ? entry.sequence : 0);
        assert(value(found) === value(wanted), `${key} at ${sequence}: ${value(found)} instead of ${value(wanted)}`);
      }
    }
  }

  #begin(plan: CompactionPlan): void {
    assert(stillValid(plan, this.version), "a plan fits the version it was made for");
    this.running.push({ plan, version: this.version, snapshots: [...this.snapshots] });
    const inputs = this.running.flatMap((job) => job.plan.inputs);
    const numbers = inputs.flatMap(({ tables }) => tables.map(({ number }) => number));
    assert(new Set(numbers).size === numbers.length, "no table is the input of two compactions");
    assert(inputs.filter(({ level }) => level === 0).length <= 1, "one compaction at a time leaves level 0");
  }

  #commit(job: Running): void {
    const { plan } = job;
    assert(stillValid(plan, this.version), "what runs beside a compaction leaves its plan valid");
    const outputs = plan.trivialMove ? plan.inputs.flatMap(({ tables }) => tables) : this.#merge(job);
    const isRewrite = plan.inputs.length === 1 && plan.inputs[0]!.level === plan.outputLevel;
    if (isRewrite && plan.reason === "tombstones") {
      assert(
        outputs.every(({ deletes }) => deletes === 0),
        "a table written anew loses all its tombstones",
      );
    }
    this.version = this.version.apply({
      removed: plan.inputs.flatMap(({ level, tables }) => tables.map(({ number }) => ({ level, number }))),
      added: outputs.map((table) => ({ level: plan.outputLevel, table })),
    });
    if (plan.cursor) this.#cursors.set(plan.cursor.level, plan.cursor.key);
  }

  #merge({ plan, version, snapshots }: Running): TableMeta[] {
    const inputs = plan.inputs.flatMap(({ tables }) => tables);
    const entries = inputs.flatMap(({ number }) => this.#contents.get(number)!).sort(compareEntries);
    const kept: Entry[] = [];
    let lastKey: string | undefined;
    let lastStripe = -1;
    for (const entry of entries) {
      // Versions that the same snapshots see are one stripe; of each only the newest matters.
      const stripe = snapshots.filter((sequence) => sequence < entry.sequence).length;
      const isShadowed = entry.key === lastKey && stripe === lastStripe;
      lastKey = entry.key;
      lastStripe = stripe;
      const hidesNothing =
        entry.isDelete && stripe === 0 && !version.mayHoldBelow(plan.outputLevel, Buffer.from(entry.key));
      if (!isShadowed && !hidesNothing) kept.push(entry);
    }
    return this.#cut(kept, Math.max(...inputs.map(({ epoch }) => epoch)), spanOf(ORDER, inputs)!);
  }

  #cut(entries: readonly Entry[], epoch: number, span: KeySpan): TableMeta[] {
    const pieces: Entry[][] = [];
    for (const entry of entries) {
      const piece = pieces.at(-1);
      const isFull = piece && piece.length >= 1 + this.below(6) && piece.at(-1)!.key !== entry.key;
      if (piece && !isFull) piece.push(entry);
      else pieces.push([entry]);
    }
    const end = span.openEnd ? Buffer.from(span.largest).toString() : undefined;
    return pieces.map((piece, i) =>
      this.#makeTable(piece, epoch, this.#someOpenEnd(piece, pieces[i + 1]?.[0]?.key ?? end)),
    );
  }

  // Sometimes a table ends as with a range delete: anywhere behind its last key, up to `most`.
  #someOpenEnd(entries: readonly Entry[], most: string | undefined): string | undefined {
    const last = entries.at(-1)!.key;
    const ends = KEYS.filter((key) => key > last && most !== undefined && key <= most);
    return ends.length > 0 && this.below(2) === 0 ? ends[this.below(ends.length)] : undefined;
  }

  #makeTable(entries: readonly Entry[], epoch: number, openEnd: string | undefined): TableMeta {
    const number = this.#nextNumber++;
    this.#contents.set(number, entries);
    const sequences = entries.map(({ sequence }) => sequence);
    const bound = ({ key, sequence, isDelete }: Entry): TableMeta["smallest"] => ({
      key: Buffer.from(key),
      sequence,
      kind: isDelete ? Kind.delete : Kind.put,
    });
    return {
      number,
      size: ENTRY_BYTES * entries.length,
      tag: number,
      epoch,
      smallest: bound(entries[0]!),
      largest:
        openEnd === undefined
          ? bound(entries.at(-1)!)
          : { key: Buffer.from(openEnd), sequence: SEQUENCE_MAX, kind: Kind.deleteRange },
      leastSequence: Math.min(...sequences),
      greatestSequence: Math.max(...sequences),
      entries: entries.length,
      deletes: entries.filter(({ isDelete }) => isDelete).length,
    };
  }

  #read(key: string, sequence: number): Entry | undefined {
    const bytes = Buffer.from(key);
    for (let level = 0; level < this.version.numLevels; level++) {
      const covers = (table: TableMeta): boolean =>
        ORDER.compare(table.smallest.key, bytes) <= 0 && !endsBefore(ORDER, table, bytes);
      const tables = level === 0 ? this.version.levels[0]!.filter(covers) : [this.version.tableFor(level, bytes)];
      for (const table of tables) {
        const entries = table ? this.#contents.get(table.number)! : [];
        const found = entries.find((entry) => entry.key === key && entry.sequence <= sequence);
        if (found) return found;
      }
    }
    return undefined;
  }

  #oldestSnapshot(): number | undefined {
    return this.snapshots.length > 0 ? Math.min(...this.snapshots) : undefined;
  }
}

function compareEntries(a: Entry, b: Entry): number {
  if (a.key !== b.key) return a.key < b.key ? -1 : 1;
  return b.sequence - a.sequence;
}
