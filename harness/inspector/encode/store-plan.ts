// A store that is to be written, right or wrong, file by file.

import type { Key } from "../../keys.ts";
import type { EditField, TableEntry } from "../edit-framing.ts";
import type { LogHeader } from "../log-framing.ts";
import type { OperationFields } from "./edit-encoder.ts";
import type { LogEncoder } from "./log-encoder.ts";
import type { TableShape } from "./table-encoder.ts";

export interface TablePlan {
  readonly level: number;
  readonly shape: TableShape;
  /** What the manifest says otherwise than the table. */
  readonly entry?: Partial<TableEntry>;
}

export interface BatchPlan {
  readonly firstSequence: number;
  readonly operations: readonly OperationFields[];
  /** What stands in the log instead of its encoding. */
  readonly bytes?: (bytes: Buffer) => Buffer;
}

/** A file in the log format: how it is written, and where its header lies. */
export interface LogFilePlan {
  readonly number: number;
  readonly tag: number;
  readonly blockSize: number;
  readonly header?: Partial<LogHeader>;
}

export interface LogPlan extends LogFilePlan {
  readonly batches: readonly BatchPlan[];
}

/** What CLEAN END says. */
export interface CleanEndPlan {
  readonly lastSequence: number;
  readonly manifestNumber: number;
  readonly manifestSize: number;
}

export interface StorePlan {
  readonly comparator: string;
  readonly databaseId: string;
  readonly manifest: LogFilePlan;
  readonly logNumber: number;
  readonly nextFileNumber: number;
  /** The manifest's. */
  readonly lastSequence: number;
  readonly tables: readonly TablePlan[];
  /** So many of the tables come with edits of their own, behind the snapshot. */
  readonly laterTables: number;
  readonly cursors: ReadonlyMap<number, Key>;
  /** The chain, oldest first. */
  readonly logs: readonly LogPlan[];
  /** Log and manifest end in CLEAN END. */
  readonly closed: boolean;
  /** Of the chance that the encoder needs. */
  readonly seed: string;
  readonly hooks: StoreHooks;
}

/** Where a store may be made wrong beyond what its tables and batches can be: each gives what is to be written instead. */
export interface StoreHooks {
  readonly edits?: (edits: readonly (readonly EditField[])[]) => readonly (readonly EditField[])[];
  readonly cleanEnd?: (end: CleanEndPlan, where: "log" | "manifest") => CleanEndPlan | undefined;
  /** Behind the records of a log or the manifest, before its end. */
  readonly log?: (log: LogEncoder, number: number) => void;
}
