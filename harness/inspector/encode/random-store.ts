// Sound stores by seed: a history of writes, cut up by age over levels, tables of level 0 and logs as an engine might have
// done it, and in shapes that ours would hardly reach.

import type { Key } from "../../keys.ts";
import { Random } from "../../workloads/random.ts";
import { compareInternalKeys, KIND_DELETE, KIND_PUT } from "../edit-framing.ts";
import { BYTEWISE } from "../version-soundness.ts";
import type { OperationFields } from "./edit-encoder.ts";
import type { BatchPlan, LogFilePlan, LogPlan, StorePlan, TablePlan } from "./store-plan.ts";
import type { PlannedVersion, TableShape } from "./table-encoder.ts";

export interface RandomStoreOptions {
  /** Of the last write of all. Default: as many as there are writes, and some gaps. */
  readonly lastSequence?: number;
  /** The next file number. Default: a little above those in use. */
  readonly nextFileNumber?: number;
  /** Nothing is visible in the end: the newest version of each key is a delete. Default: no. */
  readonly hidden?: boolean;
  /** Levels below 0 that may have tables. Default: 1 to 6. */
  readonly levels?: readonly number[];
  /** Log and manifest end in CLEAN END. Default: as the seed will. */
  readonly closed?: boolean;
}

export function randomStore(seed: string, options: RandomStoreOptions = {}): StorePlan {
  return new StoreMaker(seed, options).make();
}

/** A write of the history; its sequence number is counted from 1 until all is known. */
interface Write extends OperationFields {
  readonly sequence: number;
}

const LEVELS = [1, 2, 3, 4, 5, 6];

class StoreMaker {
  readonly #seed: string;
  readonly #options: RandomStoreOptions;
  readonly #random: Random;
  readonly #keys: readonly Key[];
  #sequence = 0;
  /** Of the newest version of each key: whether it is visible. */
  readonly #visible = new Map<Key, boolean>();

  constructor(seed: string, options: RandomStoreOptions) {
    this.#seed = seed;
    this.#options = options;
    this.#random = new Random(`store:${seed}`);
    this.#keys = this.#makeKeys();
  }

  make(): StorePlan {
    const random = this.#random;
    const deep = this.#leveled(this.#writes(random.between(20, 60)));
    const fresh = Array.from({ length: random.int(4) }, () => this.#writes(random.between(1, 15)));
    const logged = Array.from({ length: random.between(1, 2) }, () => this.#batches(random.int(8)));
    if (this.#options.hidden) logged.at(-1)!.push(...this.#deletesOfAll());
    return this.#plan(deep, fresh, logged);
  }

  #makeKeys(): Key[] {
    const random = this.#random;
    const keys = new Set<Key>(["", "\xff\xff"]);
    const stems = ["k", "key-", "\0", "abcabcabc", String.fromCharCode(random.int(256))];
    const count = random.between(8, 40);
    while (keys.size < count) {
      const tail = Array.from({ length: random.int(5) }, () => random.pick(["a", "b", "0", "\0", "\xff"])).join("");
      keys.add(random.pick(stems) + tail);
    }
    return [...keys];
  }

  #writes(count: number): Write[] {
    return Array.from({ length: count }, () => this.#write());
  }

  #write(
    kind: number = this.#random.chance(1, 4) ? KIND_DELETE : KIND_PUT,
    key: Key = this.#random.pick(this.#keys),
  ): Write {
    const random = this.#random;
    this.#sequence += random.chance(1, 8) ? random.between(2, 4) : 1;
    this.#visible.set(key, kind === KIND_PUT);
    if (kind === KIND_DELETE) return { kind, key, sequence: this.#sequence, value: undefined };
    const value = Buffer.alloc(random.chance(1, 12) ? random.between(300, 900) : random.int(40), random.int(256));
    return { kind, key, sequence: this.#sequence, value };
  }

  // The numbers of one batch follow each other.
  #batches(count: number): Write[][] {
    return Array.from({ length: count }, () => {
      const batch = [this.#write()];
      const more = this.#random.chance(1, 3) ? this.#random.int(6) : 0;
      while (batch.length <= more) batch.push(this.#next());
      return batch;
    });
  }

  #next(kind?: number, key?: Key): Write {
    const expected = this.#sequence + 1;
    const write = this.#write(kind, key);
    this.#sequence = expected;
    return { ...write, sequence: expected };
  }

  #deletesOfAll(): Write[][] {
    return this.#keys.filter((key) => this.#visible.get(key)).map((key) => [this.#next(KIND_DELETE, key)]);
  }

  // The older a version of a key, the deeper it lies. Whole keys go to a table; some versions have been compacted away.
  #leveled(writes: readonly Write[]): { level: number; writes: Write[] }[] {
    const random = this.#random;
    const { levels: wanted = LEVELS } = this.#options;
    const levels = wanted.filter(() => random.chance(1, 2)).toReversed();
    if (levels.length === 0) levels.push(wanted.at(-1)!);
    const byLevel = new Map<number, Write[]>(levels.map((level) => [level, []]));
    for (const key of this.#keys) {
      let depth = 0;
      for (const write of writes.filter((one) => one.key === key)) {
        depth = Math.min(levels.length - 1, depth + random.int(2));
        if (!random.chance(1, 6)) byLevel.get(levels[depth]!)!.push(write);
      }
    }
    return [...byLevel].flatMap(([level, all]) => this.#cut(all).map((some) => ({ level, writes: some })));
  }

  #cut(writes: readonly Write[]): Write[][] {
    const sorted = writes.toSorted(compareInternalKeys);
    const tables: Write[][] = [];
    for (const write of sorted) {
      const last = tables.at(-1);
      if (last && (last.at(-1)!.key === write.key || !this.#random.chance(1, 8))) last.push(write);
      else tables.push([write]);
    }
    return tables;
  }

  #plan(
    deep: readonly { level: number; writes: Write[] }[],
    fresh: readonly Write[][],
    logged: readonly Write[][][],
  ): StorePlan {
    const random = this.#random;
    const all = [...deep, ...fresh.map((writes) => ({ level: 0, writes: writes.toSorted(compareInternalKeys) }))];
    const files = all.length + logged.length + 1;
    const next = this.#options.nextFileNumber ?? files + random.between(1, 20);
    const numbers = this.#numbers(files, next);
    const shift = (this.#options.lastSequence ?? this.#sequence) - this.#sequence;
    const databaseId = Array.from({ length: 32 }, () => random.int(16).toString(16)).join("");
    const logNumber = numbers[all.length]!;
    const store = { comparator: BYTEWISE, databaseId };
    const tables = all.map(({ level, writes }, i): TablePlan => {
      const shape = this.#shape(writes, { number: numbers[i]!, epoch: i + 1, shift, logNumber });
      return { level, shape: { ...shape, ...store } };
    });
    const tabled = all.flatMap(({ writes }) => writes).reduce((most, { sequence }) => Math.max(most, sequence), 0);
    // Numbers that a crash has lost are not issued again while the manifest knows of them.
    const known = random.chance(1, 2) ? tabled + shift : this.#sequence + shift + random.int(5);
    const lastSequence = this.#options.lastSequence ?? known;
    return {
      ...store,
      manifest: this.#logFile(numbers.at(-1)!),
      logNumber,
      nextFileNumber: next,
      lastSequence,
      tables,
      laterTables: random.int(3),
      cursors: new Map(deep.slice(0, random.int(3)).map(({ level, writes }) => [level, writes[0]!.key])),
      logs: logged.map((batches, i) => this.#log(numbers[all.length + i]!, batches, shift)),
      closed: this.#options.closed ?? random.chance(1, 2),
      seed: this.#seed,
      hooks: {},
    };
  }

  // Ascending, the last just below the next where there is a reason to be close to it.
  #numbers(count: number, next: number): number[] {
    const numbers: number[] = [];
    let number = next;
    for (let left = count; left > 0; left--) {
      number -= number > left + 3 && this.#random.chance(1, 4) ? 2 : 1;
      numbers.unshift(number);
    }
    return numbers;
  }

  #shape(
    writes: readonly Write[],
    { number, epoch, shift, logNumber }: { number: number; epoch: number; shift: number; logNumber: number },
  ): Omit<TableShape, "comparator" | "databaseId"> {
    const random = this.#random;
    return {
      number,
      tag: this.#tag(),
      epoch,
      versions: writes.map((write) => shifted(write, shift)),
      rangeDeletes: [],
      blockSize: random.pick([16, 64, 150, 400, 4096]),
      indexBlockSize: random.pick([16, 60, 1 << 18]),
      bloomBitsPerKey: random.pick([0, 4, 10]),
      creationTime: 1_700_000_000_000 + random.int(1000),
      inputs: random.chance(1, 2) ? [{ number: 1, tag: this.#tag() }] : [],
      obsolete: random.chance(1, 4) ? [{ number: 1, tag: 0 }] : [],
      logNumber,
      hooks: {},
    };
  }

  #log(number: number, batches: readonly Write[][], shift: number): LogPlan {
    const plans = batches.map((batch): BatchPlan => ({
      firstSequence: batch[0]!.sequence + shift,
      operations: batch.map(({ kind, key, value }) => ({ kind, key, value })),
    }));
    return { ...this.#logFile(number), batches: plans };
  }

  #logFile(number: number): LogFilePlan {
    return { number, tag: this.#tag(), blockSize: this.#random.pick([512, 1024, 32_768]) };
  }

  #tag(): number {
    return this.#random.between(1, 2 ** 32 - 1);
  }
}

function shifted({ key, kind, sequence, value }: Write, shift: number): PlannedVersion {
  return { key, kind, sequence: sequence + shift, ...(value && { value }) };
}
