export type JobKind = "flush" | "compaction";

export interface JobDescription {
  readonly id: number;
  readonly kind: JobKind;
  /** Files read: names of tables, or of the log whose memtable is flushed. */
  readonly inputs: readonly string[];
}
