// The order of versions over several tables (C16): of the versions of one key, those in a newer table of level 0 are newer
// than those in an older one, and those on an upper level newer than those below. Under any comparator: equal keys are
// equal bytes. And no sequence number stands twice: each was issued to one write.

import type { Key } from "../keys.ts";
import type { TableEntry } from "./edit-framing.ts";
import type { InternalKey } from "./edit-framing.ts";
import type { StoreProblem } from "./problem.ts";
import { tableName } from "./store-names.ts";

/** A table of the version, and what is in it. */
export interface OrderedTable {
  readonly entry: TableEntry;
  /** Of one key the newest first. */
  readonly versions: Iterable<InternalKey>;
}

/** The oldest version of a key so far. */
interface Above {
  readonly table: TableEntry;
  readonly sequence: number;
}

/** Of each kind one problem a pair of tables at most. */
export function keyOrderProblems(tables: readonly OrderedTable[]): StoreProblem[] {
  const problems = new Map<string, StoreProblem>();
  const above = new Map<Key, Above>();
  const holders = new Map<number, TableEntry>();
  for (const { entry, versions } of [...tables].sort((a, b) => byAge(a.entry, b.entry))) {
    const file = tableName(entry.number);
    for (const { key, sequence } of versions) {
      const upper = above.get(key);
      const other = upper && upper.table !== entry ? upper.table : undefined;
      if (other && upper!.sequence <= sequence) {
        const problem = `has a version of a key that is no newer than one in table ${entry.number}, which is below it`;
        problems.set(`${entry.number} ${other.number}`, { condition: "C16", file: tableName(other.number), problem });
      }
      above.set(key, { table: entry, sequence });
      const holder = holders.get(sequence);
      if (holder && holder !== entry) {
        const problem = `has sequence number ${sequence}, which is in table ${holder.number} too`;
        problems.set(`${entry.number} ${holder.number} number`, { condition: "C16", file, problem });
      }
      holders.set(sequence, entry);
    }
  }
  return [...problems.values()];
}

// Newest first. On a deeper level all are of one age: they share no key, or a version is found twice there.
function byAge(a: TableEntry, b: TableEntry): number {
  if (a.level !== b.level) return a.level - b.level;
  return a.level === 0 ? b.epoch - a.epoch : 0;
}
