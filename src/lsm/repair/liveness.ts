// Which tables and logs hold the state of a store of which only some files are left, by what those say of each other.
//
// A compaction's inputs hold what it dropped: deleted keys would come back if they were read beside its outputs. A
// manifest that is whole knows which tables are live. Without one, tables tell: each names the inputs of its job and the
// tables that were obsolete then, and from which log on recovery had to read.
//
//   the manifest is complete    whole, and every table that it names is there: then it is right, but for tables that it
//   (`isComplete`)              cannot know yet, which are newer than its snapshot
//   finished                    a job of which a manifest or a later table speaks. Its inputs are dead. Another one counts
//                               as unfinished if its inputs are all there: then they hold all that its outputs hold
//
// What an unfinished job wrote is read beside its inputs: it holds nothing that they do not hold. Not so an unfinished
// repair: it read what was not durable, and when that is gone a part of what it wrote is no state that ever was. Its tables
// name every file that it read, and removing one of those is the last thing that a repair does.

import type { TableProvenance, TableReference } from "../../sst/table-format.ts";

/** What is known of a table file. */
export interface TableFact {
  readonly number: number;
  /** Unknown where the footer cannot be read. */
  readonly tag: number | undefined;
  readonly isWhole: boolean;
  /** Unknown where the properties cannot be read. */
  readonly provenance: TableProvenance | undefined;
}

/** What is known from the manifest. */
export interface ManifestFact {
  /** Nothing in it is damaged. */
  readonly isWhole: boolean;
  /** Tags of the tables that it names, by number. */
  readonly live: ReadonlyMap<number, number>;
  /** Tables that it named once. */
  readonly removed: ReadonlySet<number>;
  /** The next file number of its first record: greater than that of any table it could know then. */
  readonly firstNextNumber: number;
  readonly logNumber: number;
}

/** Why a table is not read. */
export interface Death {
  readonly reason: string;
  /** Beyond doubt: the manifest says so, or all that it was made of is there. Else only other tables say so. */
  readonly isSure: boolean;
}

export interface Liveness {
  /** Tables that are not read; the others are. */
  readonly dead: ReadonlyMap<number, Death>;
  /** For a damaged table that is read: dead ones that it replaced, itself or through others. */
  readonly replaced: ReadonlyMap<number, readonly number[]>;
  /** Logs below are dead. */
  readonly logNumber: number;
  /** A whole manifest names the tables that there are: none can be missing without being missed. */
  readonly isComplete: boolean;
}

/** Decides from facts alone; `logs` are those in the directory. Tables of another store must have been taken out before. */
export function decideLiveness(
  tables: readonly TableFact[],
  logs: ReadonlySet<number>,
  manifest: ManifestFact | undefined,
): Liveness {
  return new Decision(tables, logs, manifest).decide();
}

class Decision {
  readonly #tables: ReadonlyMap<number, TableFact>;
  readonly #logs: ReadonlySet<number>;
  readonly #manifest: ManifestFact | undefined;
  readonly #isComplete: boolean;
  /** Tables that some whole table names. */
  readonly #named = new Set<number>();
  readonly #dead = new Map<number, Death>();

  constructor(tables: readonly TableFact[], logs: ReadonlySet<number>, manifest: ManifestFact | undefined) {
    this.#tables = new Map(tables.map((table) => [table.number, table]));
    this.#logs = logs;
    this.#manifest = manifest;
    this.#isComplete = manifest !== undefined && manifest.isWhole && this.#areThere(manifest.live);
  }

  decide(): Liveness {
    this.#askManifest();
    const witnesses = [...this.#tables.values()].filter(({ isWhole }) => isWhole);
    for (const { provenance } of witnesses) {
      for (const { number } of references(provenance)) this.#named.add(number);
    }
    for (const table of this.#tables.values()) this.#askRepair(table);
    for (const table of witnesses) this.#askTable(table);
    const damaged = [...this.#tables.values()].filter((table) => !table.isWhole && !this.#dead.has(table.number));
    const replaced = new Map(damaged.map((table) => [table.number, this.#replacedBy(table)]));
    return { dead: this.#dead, replaced, logNumber: this.#logNumber(witnesses), isComplete: this.#isComplete };
  }

  #areThere(live: ReadonlyMap<number, number>): boolean {
    return [...live].every(([number, tag]) => {
      const table = this.#tables.get(number);
      return table !== undefined && (table.tag ?? tag) === tag;
    });
  }

  #askManifest(): void {
    const manifest = this.#manifest;
    if (!manifest) return;
    for (const { number, isWhole } of this.#tables.values()) {
      if (manifest.live.has(number)) continue;
      if (manifest.removed.has(number)) this.#dead.set(number, { reason: "the manifest removed it", isSure: true });
      else if (this.#isComplete && number < manifest.firstNextNumber)
        this.#dead.set(number, { reason: "the manifest does not name it", isSure: true });
      // An edit is written when its tables are durable: this one was being written.
      else if (this.#isComplete && !isWhole)
        this.#dead.set(number, { reason: "the manifest does not name it, and it is not whole", isSure: false });
    }
  }

  #askRepair({ number, provenance }: TableFact): void {
    const logs = provenance?.repairedLogs;
    if (!logs || this.#isKnown(number)) return;
    const isUnfinished =
      provenance.inputs.every((input) => this.#tables.has(input.number)) && logs.every((log) => this.#logs.has(log));
    if (isUnfinished) this.#dead.set(number, { reason: "of a repair that was not finished", isSure: true });
  }

  #askTable(table: TableFact): void {
    const { number, provenance } = table;
    if (!provenance || this.#isUnfinishedRepair(number)) return;
    const inputs = this.#isUnfinished(table) ? [] : provenance.inputs;
    for (const reference of inputs) this.#kill(reference, number, "replaced by");
    for (const reference of provenance.obsolete) this.#kill(reference, number, "obsolete when there was");
  }

  #isUnfinishedRepair(number: number): boolean {
    return this.#tables.get(number)?.provenance?.repairedLogs !== undefined && this.#dead.has(number);
  }

  // A number is never issued twice, so a table can name only such as have smaller ones.
  #kill({ number, tag }: TableReference, witness: number, how: string): void {
    const table = this.#tables.get(number);
    if (!table || number >= witness || this.#dead.has(number)) return;
    if (tag !== 0 && table.tag !== undefined && table.tag !== tag) return;
    if (this.#isComplete && this.#manifest?.live.has(number)) return;
    this.#dead.set(number, { reason: `${how} table ${witness}`, isSure: false });
  }

  #isUnfinished({ number, provenance }: TableFact): boolean {
    if (!provenance || provenance.inputs.length === 0 || this.#isKnown(number)) return false;
    const { inputs, repairedLogs } = provenance;
    if (repairedLogs) return false;
    if (!this.#manifest) return inputs.every((input) => this.#tables.get(input.number)?.isWhole);
    return inputs.every((input) => this.#manifest?.live.has(input.number) && this.#tables.has(input.number));
  }

  // Whoever is spoken of was in a version once.
  #isKnown(number: number): boolean {
    const manifest = this.#manifest;
    return manifest?.live.has(number) || manifest?.removed.has(number) || this.#named.has(number);
  }

  #replacedBy(table: TableFact): readonly number[] {
    const found = new Set<number>();
    const queue = [table];
    for (let at = queue.shift(); at; at = queue.shift()) {
      for (const { number } of at.provenance?.inputs ?? []) {
        const input = this.#tables.get(number);
        if (!input || number >= at.number || found.has(number)) continue;
        found.add(number);
        queue.push(input);
      }
    }
    return [...found].filter((number) => this.#dead.has(number)).sort((a, b) => a - b);
  }

  // A compaction found its log number in force. A flush set it: that counts if anybody knows of the flush, or if there is
  // nobody who could.
  #logNumber(witnesses: readonly TableFact[]): number {
    let most = this.#manifest?.logNumber ?? 0;
    for (const { number, provenance } of witnesses) {
      if (!provenance || this.#isUnfinishedRepair(number)) continue;
      const isInForce = provenance.inputs.length > 0 || !this.#manifest || this.#isKnown(number);
      if (isInForce) most = Math.max(most, provenance.logNumber);
    }
    return most;
  }
}

function references(provenance: TableProvenance | undefined): readonly TableReference[] {
  return provenance ? [...provenance.inputs, ...provenance.obsolete] : [];
}
