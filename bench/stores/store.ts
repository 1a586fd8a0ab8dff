// What a workload asks of an engine: little, so that each engine answers with its fastest fair call. A call returns
// undefined (or its result) when it is done, or a promise where the engine has only that; the measuring loop waits for a
// promise before it goes on, unless the engine has a queue of its own (`calls` says so).

/** A result now, or later. */
export type Eventually<T> = T | Promise<T>;
/** Done, or a promise to wait for. What it resolves to means nothing. */
export type Pending = Promise<unknown> | undefined;

export interface ScanRange {
  /** The first key in the direction of the scan; absent: from the end. */
  readonly from?: Buffer;
  readonly reverse: boolean;
  readonly limit: number;
}

/** How the store stands: tables a level, and waits that writes went through. */
export interface StoreShape {
  readonly levelTables?: readonly number[];
  readonly levelBytes?: readonly number[];
  readonly stalls?: StallReport;
  /** Bytes that the engine says it has written in this session. */
  readonly engineWrittenBytes?: number;
}

export interface StallReport {
  readonly count: number;
  readonly longestMilliseconds: number;
  readonly totalMilliseconds: number;
  /** How often, by cause. */
  readonly causes: Readonly<Record<string, number>>;
}

/** Which call of the engine stands behind each operation; printed in the report. */
export interface Calls {
  readonly put: string;
  readonly batch: string;
  readonly get: string;
  readonly scan: string;
  readonly seek: string;
  readonly delete: string;
  readonly cursor?: string;
  readonly compact?: string;
}

export interface BenchStore {
  readonly version: string;
  readonly calls: Calls;
  /** Opened durable, its writes survive power loss; false where the engine offers no such write. */
  readonly syncs: boolean;
  /** One entry; durable as the store was opened (`durable`). Key and value may be used again once it is done. */
  put(key: Buffer, value: Buffer): Pending;
  delete(key: Buffer): Pending;
  /** All entries or none. */
  batch(keys: readonly Buffer[], values: readonly Buffer[]): Pending;
  /** Many at once under way, durable when it resolves; absent where the engine has no such call. */
  putConcurrently?(key: Buffer, value: Buffer): Promise<unknown>;
  /** The length of the value as a Buffer of the caller's own; -1 if there is none. */
  get(key: Buffer): Eventually<number>;
  /** Walks the range, makes both fields of each entry, and counts the entries. */
  scan(range: ScanRange): Eventually<number>;
  /** The same by a cursor whose fields are views; absent where the engine has none. */
  scanByCursor?(limit: number): number;
  /** To the first entry at or behind the key, reading both fields; 1 if there is one, else 0. */
  seek(key: Buffer): Eventually<number>;
  /** Everything that was put is accepted. */
  settle(): Promise<void>;
  /** Background work to its end; absent where the engine does not tell. */
  drain?(): Promise<void>;
  compact?(): Promise<void>;
  shape(): StoreShape;
  close(): Promise<void>;
}

export interface StoreSettings {
  readonly directory: string;
  readonly cacheBytes: number;
  /** Each write survives power loss; otherwise the death of the process. */
  readonly durable: boolean;
  /** A put is seen by the next get: workloads that mix them need it, and queues do not give it. */
  readonly readsOwnWrites: boolean;
  /** A write buffer that holds everything, so that all of it stays in the log. */
  readonly writeBufferBytes?: number;
  /** Options of our own engine, over the defaults. */
  readonly options: Readonly<Record<string, unknown>>;
}

/** Reads a byte of each field, as a caller would at the least; a scan that looks at nothing could be left out. */
export function touch(key: Uint8Array, value: Uint8Array): void {
  touched = (touched + key[0]! + value[0]!) | 0;
}

let touched = 0;
