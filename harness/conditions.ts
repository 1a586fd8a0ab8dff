// What a run is judged by. Reports, shrinking and the self-checks name failures by these.

/** Every condition and what it demands. */
export const CONDITIONS = {
  C1: "every legal crash image opens without help",
  C2: "what is recovered is a prefix of the commit order, without a hole",
  C3: "nothing that was durable is lost",
  C4: "every value was written to that key by an operation that had been issued",
  C5: "an operation in flight is wholly before or wholly after",
  C6: "a batch is all or nothing",
  C7: "nothing deleted or overwritten ever comes back",
  C8: "all read paths agree",
  C9: "what a writable open served is durable",
  C10: "a crash at every I/O of recovery, twice over, changes none of this",
  C11: "a reopen is idempotent; a read-only open answers the same and changes no byte",
  C12: "writes after recovery win over everything recovered and are crash-safe themselves",
  C13: "after a clean close power loss loses nothing",
  C14: "a refused open changes no byte; one that failed by I/O removes nothing",
  C15: "the manifest names exactly what is there, as it is there",
  C16: "the levels keep their invariants",
  C17: "no orphans, no temporary files",
  C18: "space is bounded",
  C19: "a failed write is invisible until a reopen decides it, and then decided for ever",
  C20: "a durability error stops writes; what failed to sync is never synced again",
  C21: "a read that fails throws",
  C22: "damage is reported, or harmless, and nothing is removed",
  C23: "a full disk is survivable",
  C24: "snapshots and iterators are frozen",
  C25: "concurrent histories linearize",
  C26: "the same operations give the same answers under any configuration",
  C27: "the same seed gives the same I/O, bit for bit",
  C28: "every call ends, in a bounded number of I/Os",
  C29: "one writer; a stale lock never blocks",
  C30: "files of every released version open, unknown newer ones are refused untouched",
} as const;

export type Condition = keyof typeof CONDITIONS;
