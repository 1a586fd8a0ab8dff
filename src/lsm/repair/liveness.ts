// Which tables and logs hold the state of a store of which only some files are left, by what those say of each other.
//
// A compaction's inputs hold what it dropped: deleted keys would come back if they were read beside its outputs. A
// manifest that is whole, and that nothing shows to be an old one, knows which tables are live. Without one, tables tell:
// each names the inputs of its job and the tables that were obsolete then, and from which log on recovery had to read.
//
//   the manifest is right     whole, and nothing speaks of a state behind it: it decides. What it cannot know yet is read
//   (`isCertain`)             beside it, for a job that it does not know holds nothing that its inputs do not hold
//   else                      a job's inputs are all dead or all live. Dead: a manifest or a later table speaks of its
//                             outputs, or inputs are gone that nobody else misses. Live: they are all there, or those
//                             that are gone are named by the manifest; then they are told as lost
//
// In doubt more is read rather than less: what is missing then is told, and an older value stands only where the report says
// that a newer one is lost.
//
// Not so an unfinished repair: it read what was not durable, and when that is gone a part of what it wrote is no state that
// ever was. Its first table names every file that it read, and removing one of those is the last thing that a repair does.

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
  /** Nothing in it is damaged, and no log says that it was longer. */
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
  /** Tables that the manifest names, that are not there, and of which nothing says that they were replaced. */
  readonly missing: readonly number[];
  /** Logs below are dead. */
  readonly logNumber: number;
  /** What logs below hold stands in tables, be they read or not. */
  readonly flushedBelow: number;
  /** A manifest names the tables that there are: none can be missing without being missed. */
  readonly isCertain: boolean;
}

/** Decides from facts alone; `logs` are those in the directory. Tables of another store must have been taken out before. */
export function decideLiveness(
  tables: readonly TableFact[],
  logs: ReadonlySet<number>,
  manifest: ManifestFact | undefined,
): Liveness {
  return new Decision(tables, logs, manifest).decide();
}

interface Job {
  readonly inputs: readonly TableReference[];
  readonly outputs: number[];
  readonly isRepair: boolean;
}

class Decision {
  readonly #tables: ReadonlyMap<number, TableFact>;
  readonly #logs: ReadonlySet<number>;
  readonly #manifest: ManifestFact | undefined;
  /** Whole tables, those of unfinished repairs left out. */
  readonly #witnesses: TableFact[] = [];
  /** Tables that some witness names. */
  readonly #named = new Set<number>();
  readonly #dead = new Map<number, Death>();
  readonly #replacedForGood = new Set<number>();

  constructor(tables: readonly TableFact[], logs: ReadonlySet<number>, manifest: ManifestFact | undefined) {
    this.#tables = new Map(tables.map((table) => [table.number, table]));
    this.#logs = logs;
    this.#manifest = manifest;
  }

  decide(): Liveness {
    this.#askRepairs();
    const isCertain = this.#isManifestRight();
    this.#askManifest(isCertain);
    if (!isCertain) this.#askTables();
    const damaged = [...this.#tables.values()].filter((table) => !table.isWhole && !this.#dead.has(table.number));
    const replaced = new Map(damaged.map((table) => [table.number, this.#replacedBy(table)]));
    const flushedBelow = this.#flushedBelow();
    const logNumber = isCertain ? this.#manifest!.logNumber : flushedBelow;
    return { dead: this.#dead, replaced, missing: this.#missing(), logNumber, flushedBelow, isCertain };
  }

  // The manifest would know a table that was an input or obsolete once, and the log that it asks for would be there.
  #isManifestRight(): boolean {
    const manifest = this.#manifest;
    if (!manifest?.isWhole) return false;
    const isAbsent = (number: number): boolean => !this.#tables.has(number);
    const later = this.#witnesses.filter(({ number }) => number >= manifest.firstNextNumber && !this.#isKnown(number));
    return later.every(({ provenance }) => {
      if (!provenance) return true;
      const { inputs, obsolete, logNumber } = provenance;
      if (obsolete.some(({ number, tag }) => manifest.live.get(number) === tag)) return false;
      if (inputs.some(({ number }) => !this.#isKnown(number))) return false;
      if (inputs.length > 1 && inputs.every(({ number }) => isAbsent(number))) return false;
      return logNumber <= manifest.logNumber || this.#logs.has(manifest.logNumber);
    });
  }

  #askManifest(isCertain: boolean): void {
    const manifest = this.#manifest;
    if (!manifest) return;
    for (const { number, isWhole } of this.#tables.values()) {
      if (this.#dead.has(number) || manifest.live.has(number)) continue;
      if (manifest.removed.has(number)) this.#kill(number, "the manifest removed it", true);
      else if (isCertain && number < manifest.firstNextNumber)
        this.#kill(number, "the manifest does not name it", true);
      // An edit is written when its tables are durable: this one was being written.
      else if (isCertain && !isWhole) this.#kill(number, "the manifest does not name it, and it is not whole", false);
    }
  }

  #askTables(): void {
    for (const { number, provenance } of this.#witnesses) {
      for (const reference of provenance?.obsolete ?? [])
        this.#killNamed(reference, number, `obsolete when there was table ${number}`);
    }
    for (const job of jobsOf(this.#witnesses)) {
      const last = job.outputs.at(-1)!;
      if (!this.#isFinished(job)) continue;
      for (const reference of job.inputs) {
        this.#replacedForGood.add(reference.number);
        this.#killNamed(reference, last, `replaced by table ${last}`);
      }
    }
  }

  #isFinished({ inputs, outputs, isRepair }: Job): boolean {
    // One that was not finished is dead itself.
    if (isRepair) return true;
    if (outputs.some((number) => this.#isKnown(number) || this.#named.has(number))) return true;
    const gone = inputs.filter(({ number }) => !this.#tables.has(number));
    if (gone.length === 0) return false;
    if (gone.length === inputs.length && inputs.length > 1) return true;
    return !gone.every(({ number }) => this.#manifest?.live.has(number));
  }

  #killNamed({ number, tag }: TableReference, witness: number, reason: string): void {
    const table = this.#tables.get(number);
    // A number is never issued twice, so a table can name only such as have smaller ones.
    if (!table || number >= witness || this.#dead.has(number)) return;
    if (tag !== 0 && table.tag !== undefined && table.tag !== tag) return;
    this.#kill(number, reason, false);
  }

  #kill(number: number, reason: string, isSure: boolean): void {
    this.#dead.set(number, { reason, isSure });
  }

  // Whoever is spoken of was in a version once.
  #isKnown(number: number): boolean {
    const manifest = this.#manifest;
    return manifest?.live.has(number) === true || manifest?.removed.has(number) === true;
  }

  // The first table of a repair names all that it read; those behind it name the logs alone.
  #askRepairs(): void {
    let first: { readonly fact: TableProvenance; readonly isUnfinished: boolean } | undefined;
    for (const table of [...this.#tables.values()].sort((a, b) => a.number - b.number)) {
      const { number, provenance, isWhole } = table;
      const isRepaired = provenance?.repairedLogs !== undefined;
      if (isRepaired && (provenance.inputs.length > 0 || !first || !isSameRepair(first.fact, provenance)))
        first = { fact: provenance, isUnfinished: this.#isUnfinishedRepair(provenance) };
      if (isRepaired && first!.isUnfinished && !this.#isKnown(number))
        this.#kill(number, "of a repair that was not finished", true);
      else if (isWhole) this.#witnesses.push(table);
    }
    for (const { provenance } of this.#witnesses)
      for (const { number } of references(provenance)) this.#named.add(number);
  }

  #isUnfinishedRepair({ inputs, repairedLogs = [] }: TableProvenance): boolean {
    if (inputs.length + repairedLogs.length === 0) return false;
    return inputs.every((input) => this.#tables.has(input.number)) && repairedLogs.every((log) => this.#logs.has(log));
  }

  #replacedBy(table: TableFact): readonly number[] {
    const found = new Set<number>();
    const queue = [table];
    for (let at = queue.pop(); at; at = queue.pop()) {
      for (const { number } of at.provenance?.inputs ?? []) {
        const input = this.#tables.get(number);
        if (!input || number >= at.number || found.has(number)) continue;
        found.add(number);
        queue.push(input);
      }
    }
    return [...found].filter((number) => this.#dead.has(number)).sort((a, b) => a - b);
  }

  #missing(): number[] {
    const obsolete = new Set(
      this.#witnesses.flatMap(({ provenance }) => provenance?.obsolete ?? []).map(({ number }) => number),
    );
    const isReplaced = (number: number): boolean => this.#replacedForGood.has(number) || obsolete.has(number);
    const live = [...(this.#manifest?.live.keys() ?? [])];
    return live.filter((number) => !this.#tables.has(number) && !isReplaced(number)).sort((a, b) => a - b);
  }

  // A flush says so of the logs below its number, once everything before it is in tables; a compaction passes on what it
  // found in force.
  #flushedBelow(): number {
    let most = this.#manifest?.logNumber ?? 0;
    for (const { provenance } of this.#witnesses) most = Math.max(most, provenance?.logNumber ?? 0);
    return most;
  }
}

function references(provenance: TableProvenance | undefined): readonly TableReference[] {
  return provenance ? [...provenance.inputs, ...provenance.obsolete] : [];
}

function isSameRepair(a: TableProvenance, b: TableProvenance): boolean {
  return a.logNumber === b.logNumber && String(a.repairedLogs) === String(b.repairedLogs);
}

// The outputs of one job name the same inputs.
function jobsOf(witnesses: readonly TableFact[]): Job[] {
  const jobs = new Map<string, Job>();
  for (const { number, provenance } of witnesses) {
    if (!provenance || provenance.inputs.length === 0) continue;
    const name = provenance.inputs.map((input) => `${input.number}:${input.tag}`).join();
    const job = jobs.get(name) ?? {
      inputs: provenance.inputs,
      outputs: [],
      isRepair: provenance.repairedLogs !== undefined,
    };
    job.outputs.push(number);
    jobs.set(name, job);
  }
  return [...jobs.values()];
}
